import type { BoardVenue } from '../api/client';

/** The indices of the venues that a search finds, in the server's order. */
export function fitting(venues: readonly BoardVenue[], search: string): number[] {
  const wanted = search.trim().toLowerCase();
  const all = venues.map((_, n) => n);
  if (!wanted) return all;
  return all.filter((n) => {
    const venue = venues[n];
    return (
      venue &&
      [venue.key, venue.name, venue.city, venue.country].some((text) => text.toLowerCase().includes(wanted))
    );
  });
}

/** The order of columns, as indices into `venues`: where devices are comes first, the server's order otherwise. */
export function byDevices(venues: readonly BoardVenue[], shown: readonly number[]): number[] {
  const devices = (n: number) => venues[n]?.connected ?? 0;
  return [...shown].sort((a, b) => devices(b) - devices(a));
}

/**
 * The order of columns while somebody is at them: every venue keeps its place, however devices come and go, so
 * that nobody clicks on one and hits another. New ones come last.
 */
export function keeping(
  venues: readonly BoardVenue[],
  shown: readonly number[],
  places: ReadonlyMap<string, number>,
): number[] {
  const place = (n: number) => places.get(venues[n]?.key ?? '') ?? Number.MAX_SAFE_INTEGER;
  return byDevices(venues, shown).sort((a, b) => place(a) - place(b));
}
