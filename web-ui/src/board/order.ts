import type { BoardVenue } from '../api/client';

/** The order of columns, as indices into `venues`: where devices are comes first, the server's order otherwise. */
export function byDevices(venues: readonly BoardVenue[]): number[] {
  const devices = (n: number) => venues[n]?.connected ?? 0;
  return venues.map((_, n) => n).sort((a, b) => devices(b) - devices(a));
}

/**
 * The order of columns while somebody is at them: every venue keeps its place, however devices come and go, so
 * that nobody clicks on one and hits another. New ones come last.
 */
export function keeping(venues: readonly BoardVenue[], places: ReadonlyMap<string, number>): number[] {
  const place = (n: number) => places.get(venues[n]?.key ?? '') ?? Number.MAX_SAFE_INTEGER;
  return byDevices(venues).sort((a, b) => place(a) - place(b));
}
