import type { Venue } from '../../api/client';
import type { Scalar } from '../conditions';

/** What venues have where a condition asks for `venue.country` and its like, each once, in order. */
export function suggestions(attribute: string, venues: Venue[]): Scalar[] {
  const name = attribute.slice('venue.'.length);
  const found = new Set<Scalar>();
  for (const venue of venues) {
    // A built-in field wins over a free attribute of its name.
    const { attributes, ...own } = venue;
    const value: unknown = name in own ? own[name as keyof typeof own] : attributes?.[name];
    for (const one of Array.isArray(value) ? value : [value]) if (isScalar(one)) found.add(one);
  }
  return [...found].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)),
  );
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value !== '')
  );
}
