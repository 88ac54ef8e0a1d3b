import type { Exposure, Reach } from '../api/client';
import { count } from '../shell/numbers';

/** What somebody gets there, whatever the reason. */
const gives = ({ variant, mix }: Exposure) => JSON.stringify([variant ?? null, mix ?? []]);

/** The venues that get something else: a change of reasons alone reaches nobody. */
export function reached(reach: Reach): Reach['venues'] {
  return reach.venues.filter((one) => gives(one.before) !== gives(one.after));
}

/** How far a change reaches, in one sentence. */
export function reachWords(reach: Reach): string {
  const found = reached(reach);
  if (found.length === 0 && !reach.truncated) return 'No venue gets anything else.';
  // A venue counts once, however many flags it gets something else of.
  const places = new Map(found.map((one) => [`${one.environment} ${one.key}`, one.devices]));
  const devices = reach.truncated ? reach.devices : [...places.values()].reduce((sum, one) => sum + one, 0);
  const venues = new Set(found.map((one) => one.key)).size;
  const more = reach.truncated ? 'More than ' : '';
  return `${more}${count(venues)} ${venues === 1 ? 'venue gets' : 'venues get'} something else, with ${count(devices)} devices connected there now.`;
}
