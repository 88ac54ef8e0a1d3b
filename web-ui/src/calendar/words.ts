import type { Event, Freeze } from '../api/client';
import { durationMillis, listWords } from '../releases/words';
import { clockWords, localWords, sameDay } from './zone';

/** A moment of an event, `doors-24h`, in milliseconds; nothing for what is none. */
export function momentOf(text: string, event: Event): number | undefined {
  const [, anchor, sign, span] = /^(doors|start|finalScan)(?:([+-])(\d+[smhd]))?$/.exec(text) ?? [];
  const base = { doors: event.doors, start: event.start, finalScan: event.finalScan }[anchor ?? ''];
  if (base === undefined) return undefined;
  return Date.parse(base) + (sign === '-' ? -1 : 1) * (durationMillis(span) ?? 0);
}

const ANCHORS: Record<string, string> = {
  doors: 'the doors open',
  start: 'it starts',
  finalScan: 'the final scan',
};
const UNITS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day' };

/** “24 hours before the doors open”. */
export function momentWords(text: string): string {
  const [, anchor, sign, number, unit] = /^(doors|start|finalScan)(?:([+-])(\d+)([smhd]))?$/.exec(text) ?? [];
  const place = ANCHORS[anchor ?? ''];
  if (!place) return text;
  if (!sign) return place;
  const span = `${number} ${UNITS[unit ?? '']}${number === '1' ? '' : 's'}`;
  return `${span} ${sign === '-' ? 'before' : 'after'} ${place}`;
}

export type When = 'now' | 'coming' | 'past';

/** When a freeze holds: by its own time, or by the events that it is around. */
export function freezeWhen(freeze: Freeze, events: readonly Event[], now: number): When {
  const spans = freezeSpans(freeze, events);
  if (spans.some(({ from, until }) => from <= now && now < until)) return 'now';
  // Around events there may always be another one.
  return freeze.around || spans.some(({ from }) => from > now) ? 'coming' : 'past';
}

export type Held = { from: number; until: number; event?: Event };

/** The times in which a freeze holds, as far as they are known. */
export function freezeSpans(freeze: Freeze, events: readonly Event[]): Held[] {
  if (freeze.from && freeze.until)
    return [{ from: Date.parse(freeze.from), until: Date.parse(freeze.until) }];
  const { around } = freeze;
  if (!around) return [];
  return events
    .filter((event) => !freeze.venues?.length || freeze.venues.includes(event.venue))
    .flatMap((event) => {
      const [from, until] = [momentOf(around.from, event), momentOf(around.until, event)];
      return from === undefined || until === undefined ? [] : [{ from, until, event }];
    });
}

/** Where a freeze holds, and in what. */
export function freezePlace(freeze: Freeze, nameOf: (venue: string) => string): string {
  const place = freeze.venues?.length ? `At ${listWords(freeze.venues.map(nameOf))}` : 'At all venues';
  const where = freeze.environments?.length ? listWords(freeze.environments) : 'all environments';
  return `${place}, in ${where}`;
}

/** Doors, start and final scan, each with its day where that is another one. */
export function eventTimes(event: Event, zone: string): { name: string; at: string; words: string }[] {
  const times = [
    { name: 'Doors', at: event.doors },
    { name: 'Start', at: event.start },
    { name: 'Final scan', at: event.finalScan },
  ];
  return times.map(({ name, at }, n) => ({
    name,
    at,
    words: n === 0 || sameDay(at, event.doors, zone) ? clockWords(at, zone) : localWords(at, zone),
  }));
}

/** Whether an event is on, is to come, or is over. */
export function eventWhen(event: Event, now: number): When {
  if (now >= Date.parse(event.finalScan)) return 'past';
  return now >= Date.parse(event.doors) ? 'now' : 'coming';
}
