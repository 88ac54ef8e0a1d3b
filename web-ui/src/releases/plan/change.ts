/** `all` with the item at `n` replaced. */
export function replaced<T>(all: readonly T[], n: number, item: T): T[] {
  return all.map((own, m) => (m === n ? item : own));
}

/** `all` without the item at `n`. */
export function without<T>(all: readonly T[], n: number): T[] {
  return all.filter((_, m) => m !== n);
}

/** `all` with the item at `n` a place earlier or later. */
export function moved<T>(all: readonly T[], n: number, by: -1 | 1): T[] {
  const [one, other] = [all[n], all[n + by]];
  if (one === undefined || other === undefined) return [...all];
  return all.map((own, m) => (m === n ? other : m === n + by ? one : own));
}

/** A number that was typed; nothing for an empty field. */
export function number(value: number | string): number | undefined {
  return value === '' ? undefined : Number(value);
}
