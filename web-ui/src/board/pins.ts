/** What somebody wants to see first on their board, by keys. */
export type Pins = { flags: readonly string[]; venues: readonly string[] };

export const NO_PINS: Pins = { flags: [], venues: [] };
/** Rows that are pinned, at most: they are asked for all at once. */
export const MOST_PINS = 50;

const added = (own: readonly string[], keys: readonly string[]) =>
  [...own, ...keys.filter((key) => !own.includes(key))].slice(0, MOST_PINS);
const left = (own: readonly string[], keys: readonly string[]) => own.filter((key) => !keys.includes(key));

/** With these, too. */
export const withMore = (pins: Pins, flags: readonly string[], venues: readonly string[]): Pins => ({
  flags: added(pins.flags, flags),
  venues: added(pins.venues, venues),
});

/** Without these. */
export const without = (pins: Pins, flags: readonly string[], venues: readonly string[]): Pins => ({
  flags: left(pins.flags, flags),
  venues: left(pins.venues, venues),
});
