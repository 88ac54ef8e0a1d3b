import { expect, test } from 'vitest';
import type { Event, Freeze } from '../api/client';
import { eventTimes, eventWhen, freezePlace, freezeSpans, freezeWhen, momentOf, momentWords } from './words';

const event: Event = {
  key: 'final',
  venue: 'dome',
  doors: '2027-05-15T14:00:00Z',
  start: '2027-05-15T16:00:00Z',
  finalScan: '2027-05-15T23:30:00Z',
};
const at = (text: string) => Date.parse(text);

test('moments of an event are told and found', () => {
  expect(momentOf('doors-24h', event)).toBe(at('2027-05-14T14:00:00Z'));
  expect(momentOf('finalScan+30m', event)).toBe(at('2027-05-16T00:00:00Z'));
  expect(momentOf('later', event)).toBeUndefined();
  expect([
    momentWords('doors-24h'),
    momentWords('start'),
    momentWords('finalScan+1h'),
    momentWords('x'),
  ]).toEqual(['24 hours before the doors open', 'it starts', '1 hour after the final scan', 'x']);
});

test('a freeze around events holds while one of its venues has one, and is never over', () => {
  const freeze: Freeze = { key: 'f', reason: 'Doors', around: { from: 'doors-2h', until: 'finalScan' } };
  expect(freezeWhen(freeze, [event], at('2027-05-15T12:30:00Z'))).toBe('now');
  expect(freezeWhen(freeze, [event], at('2027-05-15T11:30:00Z'))).toBe('coming');
  expect(freezeWhen(freeze, [event], at('2028-01-01T00:00:00Z'))).toBe('coming');
  expect(freezeSpans({ ...freeze, venues: ['arena'] }, [event])).toEqual([]);
  expect(freezePlace(freeze, (key) => key)).toBe('At all venues, in all environments');
});

test('a freeze for a time holds from its beginning until just before its end', () => {
  const freeze: Freeze = {
    key: 'f',
    reason: 'Finals',
    from: '2027-05-10T00:00:00Z',
    until: '2027-05-17T00:00:00Z',
  };
  const when = (now: string) => freezeWhen(freeze, [], at(now));
  expect([when('2027-05-09T23:59:59Z'), when('2027-05-10T00:00:00Z'), when('2027-05-17T00:00:00Z')]).toEqual([
    'coming',
    'now',
    'past',
  ]);
});

test('an event is told by the clocks of its venue, with the day where that is another one', () => {
  expect(eventTimes(event, 'Europe/Berlin').map((one) => one.words)).toEqual([
    '16:00',
    '18:00',
    expect.stringMatching(/Sun.* 16 May 2027.* 01:30/),
  ]);
  expect([
    eventWhen(event, at('2027-05-15T13:59:59Z')),
    eventWhen(event, at('2027-05-15T14:00:00Z')),
    eventWhen(event, at('2027-05-15T23:30:00Z')),
  ]).toEqual(['coming', 'now', 'past']);
});
