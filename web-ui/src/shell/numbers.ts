/** A count, as people read it: 2,188. */
export function count(value: number): string {
  return value.toLocaleString('en');
}
