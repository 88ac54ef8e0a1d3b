/**
 * Two people changed the same flag: puts both changes together, three ways, from what both began with.
 *
 * Objects are merged field by field, lists of things with an `id` (rules) thing by thing, other lists and values
 * as a whole. Where both changed the same to something different, mine is taken and the place is named.
 */
export function merge<T>(base: T, mine: T, theirs: T): { merged: T; clashes: string[] } {
  const clashes: string[] = [];
  const merged = both(base, mine, theirs, '', clashes) as T;
  return { merged, clashes };
}

type Fields = Record<string, unknown>;

function both(base: unknown, mine: unknown, theirs: unknown, path: string, clashes: string[]): unknown {
  if (same(mine, theirs) || same(base, theirs)) return mine;
  if (same(base, mine)) return theirs;
  // A thing without which the other makes no sense (a variant and its share) is never split.
  if (isFields(mine) && isFields(theirs) && !isWhole(path)) {
    return fields(isFields(base) ? base : {}, mine, theirs, path, clashes);
  }
  const lists = [base ?? [], mine, theirs];
  if (lists.every(isNamed)) {
    const [before = [], own = [], other = []] = lists as Named[][];
    return named(before, own, other, path, clashes);
  }
  clashes.push(path);
  return mine;
}

function fields(base: Fields, mine: Fields, theirs: Fields, path: string, clashes: string[]): Fields {
  const keys = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  const merged: Fields = {};
  for (const key of keys) {
    const value = both(base[key], mine[key], theirs[key], path ? `${path}.${key}` : key, clashes);
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

type Named = { id: string };

/** Things by their id: theirs in their order unless only I moved them, and mine that are new after what they follow. */
function named(base: Named[], mine: Named[], theirs: Named[], path: string, clashes: string[]): Named[] {
  const [before, own, other] = [base, mine, theirs].map((list) => new Map(list.map((one) => [one.id, one])));
  const moved = (list: Named[]) => !same(order(list, base), order(base, list));
  const movedByBoth = moved(mine) && moved(theirs) && !same(order(mine, theirs), order(theirs, mine));
  if (movedByBoth) clashes.push(`${path} (their order)`);
  const [first, second] = moved(mine) ? [mine, theirs] : [theirs, mine];
  const ids = first.map((one) => one.id);
  second.forEach((one, n) => {
    if (ids.includes(one.id)) return;
    const after = second
      .slice(0, n)
      .reverse()
      .find((earlier) => ids.includes(earlier.id));
    ids.splice(after ? ids.indexOf(after.id) + 1 : 0, 0, one.id);
  });
  return ids.flatMap((id) => {
    const value = both(before?.get(id), own?.get(id), other?.get(id), `${path}.${id}`, clashes);
    return value === undefined ? [] : [value as Named];
  });
}

/** The ids of a list that the other list has as well, in order. */
function order(list: Named[], other: Named[]): string[] {
  const there = new Set(other.map((one) => one.id));
  return list.map((one) => one.id).filter((id) => there.has(id));
}

/** Conditions and serves say one thing: half of mine with half of theirs would be neither's. */
function isWhole(path: string): boolean {
  return /\.rules\..+\.(if|serve|rollout)$|^environments\.[^.]+\.default$/.test(path);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is Named[] {
  return Array.isArray(value) && value.every((one) => isFields(one) && typeof one.id === 'string');
}

/** Equal as documents: the order of fields does not matter. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, n) => same(one, b[n]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(a[key], b[key]));
}
