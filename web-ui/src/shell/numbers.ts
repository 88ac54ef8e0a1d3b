/** A count, as people read it: 2,188. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** So many of something: “1 venue”, “2,188 venues”. */
export function some(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}
