import type { Due, Venue, When } from '../api/client';
import { momentWords } from './words';
import { isZone, localWords, toLocal } from './zone';

/** By whose clocks a time is given. */
export type Clocks = 'own' | 'venue' | 'zone' | 'event';

export const CLOCKS: Record<Clocks, string> = {
  own: 'Yours',
  venue: 'Those of a venue',
  zone: 'Those of a time zone',
  event: 'An event, wherever it is moved',
};

/** The time zone of this browser. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function clocksOf(when: When | undefined): Clocks {
  if (when === undefined || typeof when === 'string') return 'own';
  if (when.event !== undefined) return 'event';
  return when.venue === undefined ? 'zone' : 'venue';
}

/** A time by other clocks, that shows what it showed before where it can. */
export function byClocks(clocks: Clocks, before: When | undefined): When {
  const local = localOf(before) ?? '';
  switch (clocks) {
    case 'own':
      return '';
    case 'venue':
      return { local, venue: '' };
    case 'zone':
      return { local, timeZone: ownZone() };
    case 'event':
      return { event: '', moment: 'doors-1h' };
  }
}

/** What clocks show, as `datetime-local` fields have it. */
export function localOf(when: When | undefined): string | undefined {
  if (typeof when === 'string') {
    const at = Date.parse(when);
    return Number.isNaN(at) ? undefined : toLocal(new Date(at).toISOString(), ownZone());
  }
  return when?.local?.slice(0, 16);
}

type Places = { venue: (key: string) => Venue | undefined; event: (key: string) => string };

/** “Sat 15 May 2027, 18:00 at Wembley Stadium”: by the clocks that it was given by. */
export function whenWords(when: When, due: Due | undefined, { venue, event }: Places): string {
  if (typeof when === 'string') return localWords(when, ownZone());
  if (when.event !== undefined) {
    const words = momentWords(when.moment ?? '');
    const at = due ? `: ${byPlace(due)}` : '';
    return `${words} of ${event(when.event)}${at}`;
  }
  const place = when.venue === undefined ? `in ${when.timeZone}` : `at ${nameOf(when.venue, venue)}`;
  // What clocks show there, even where nobody knows yet when that is.
  const shown = due ? byPlace(due) : localWords(`${when.local?.slice(0, 16)}Z`, 'UTC');
  return `${shown} ${place}`;
}

function nameOf(key: string, venue: Places['venue']): string {
  return venue(key)?.name ?? key;
}

/** A time as the clocks where it is due show it. */
function byPlace(due: Due): string {
  const zone = /\[([^\]]+)\]$/.exec(due.local ?? '')?.[1];
  return localWords(due.at, zone && isZone(zone) ? zone : ownZone());
}

/** What is to be said of a local time on a night when clocks are changed. */
export function turnedWords(due: Due | undefined): string | undefined {
  if (due?.turned === 'skipped') return 'Clocks leave that time out: it is later by as much.';
  if (due?.turned === 'repeated') return 'Clocks show that time twice: the first is meant.';
  return undefined;
}
