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

/** What venues stand together by. */
export type GroupBy = 'none' | 'country' | 'tag';

/** Columns that stand together: what they are called, where they begin, and how many they are. */
export type Group = { label: string; from: number; count: number };

const PINNED = 'Pinned';

/** What a venue stands under: its country, or its first tag. */
export function groupOf(venue: BoardVenue | undefined, by: GroupBy, pinned: readonly string[]): string {
  if (!venue || by === 'none') return '';
  if (pinned.includes(venue.key)) return PINNED;
  if (by === 'country') return venue.country || 'No country';
  return venue.tags[0] ?? 'No tag';
}

/**
 * The same order with pinned venues first, as they were pinned, and the others together by what they have in common. The
 * group whose first venue comes first is the first.
 */
export function arranged(
  venues: readonly BoardVenue[],
  order: readonly number[],
  by: GroupBy,
  pinned: readonly string[],
): number[] {
  const isPinned = (n: number) => pinned.includes(venues[n]?.key ?? '');
  const first = order
    .filter(isPinned)
    .sort((a, b) => pinned.indexOf(venues[a]?.key ?? '') - pinned.indexOf(venues[b]?.key ?? ''));
  const rest = order.filter((n) => !isPinned(n));
  if (by === 'none') return [...first, ...rest];
  const groups = new Map<string, number[]>();
  for (const n of rest) {
    const label = groupOf(venues[n], by, pinned);
    const own = groups.get(label);
    if (own) own.push(n);
    else groups.set(label, [n]);
  }
  return [...first, ...[...groups.values()].flat()];
}

/** The groups of an order, from left to right. */
export function groupsOf(
  venues: readonly BoardVenue[],
  order: readonly number[],
  by: GroupBy,
  pinned: readonly string[],
): Group[] {
  if (by === 'none') return [];
  const groups: Group[] = [];
  for (const [place, n] of order.entries()) {
    const label = groupOf(venues[n], by, pinned);
    const last = groups.at(-1);
    if (last?.label === label) last.count += 1;
    else groups.push({ label, from: place, count: 1 });
  }
  return groups;
}
