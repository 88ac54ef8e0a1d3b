import { expect, test } from 'vitest';
import type { Due, When } from '../api/client';
import { byClocks, clocksOf, localOf, ownZone, turnedWords, whenWords } from './when';

const places = {
  venue: (key: string) =>
    key === 'wembley' ? { key, name: 'Wembley Stadium', timeZone: 'Europe/London' } : undefined,
  event: (key: string) => (key === 'final' ? 'Cup final' : key),
};

test('a time is told by the clocks that it was given by', () => {
  const due: Due = { at: '2027-05-15T17:00:00Z', local: '2027-05-15T18:00:00+01:00[Europe/London]' };
  expect(whenWords({ local: '2027-05-15T18:00:00', venue: 'wembley' }, due, places)).toMatch(
    /^Sat,? 15 May 2027,? (at )?18:00 at Wembley Stadium$/,
  );
  expect(whenWords({ local: '2027-05-15T18:00', timeZone: 'Mars' }, undefined, places)).toMatch(
    /18:00 in Mars$/,
  );
  expect(whenWords({ event: 'final', moment: 'doors-1h' }, due, places)).toMatch(
    /^1 hour before the doors open of Cup final: Sat.*18:00$/,
  );
  expect(whenWords({ event: 'gone', moment: 'start' }, undefined, places)).toBe('it starts of gone');
});

test('other clocks show what the ones before showed', () => {
  const local: When = { local: '2027-05-15T18:00', venue: 'wembley' };
  expect([clocksOf(undefined), clocksOf('2027-05-15T17:00:00Z'), clocksOf(local)]).toEqual([
    'own',
    'own',
    'venue',
  ]);
  expect(byClocks('zone', local)).toEqual({ local: '2027-05-15T18:00', timeZone: ownZone() });
  expect(byClocks('venue', byClocks('zone', local))).toEqual({ local: '2027-05-15T18:00', venue: '' });
  expect(clocksOf(byClocks('event', local))).toBe('event');
  expect([localOf(''), localOf(undefined), localOf(local)]).toEqual([
    undefined,
    undefined,
    '2027-05-15T18:00',
  ]);
});

test('a night when clocks are changed is said', () => {
  expect(turnedWords({ at: '2027-03-28T01:30:00Z', turned: 'skipped' })).toMatch(/leave that time out/);
  expect(turnedWords({ at: '2027-10-31T00:30:00Z', turned: 'repeated' })).toMatch(/twice/);
  expect(turnedWords(undefined)).toBeUndefined();
});
