import { expect, test } from 'vitest';
import { playKind, playOf } from './plays';
import { playWords, rehearsalWords } from './words';

const names = {
  venue: (key: string) => key.toUpperCase(),
  flag: (key: string) => key,
  cohort: (key: string) => key,
};

test('a play of each kind says what it does', () => {
  const at = { flag: 'f', environment: 'production' };
  const said = [
    playWords({ kill: { ...at, venues: ['a', 'b'], cohorts: ['staff'] } }, names),
    playWords({ revive: at }, names),
    playWords({ on: { ...at, venues: ['a'], variant: 'tight' } }, names),
    playWords({ off: at }, names),
    playWords({ restore: { flag: 'f', to: 7 } }, names),
    playWords({ rollBack: { release: 'r' } }, names),
    playWords({ notice: { text: 'Paper!' } }, names),
    playWords({}, names),
  ];
  expect(said).toEqual([
    'Kills f at A and B and for staff in production.',
    'Revives f for everyone in production.',
    'Gives “tight” of f at A in production.',
    'Turns f off everywhere in production.',
    'Brings f back to what it was after commit 7.',
    'Takes the release r back, if it runs.',
    'Tells everybody: “Paper!”',
    'Does something that this page does not know.',
  ]);
});

test('a play that becomes another keeps what both have, and nothing that the other may not have', () => {
  const kill = playOf('kill', 'production');
  if (kill.kill) kill.kill = { ...kill.kill, flag: 'f', venues: ['a'], cohorts: ['staff'] };
  const on = playOf('on', 'staging', kill);
  expect(on).toEqual({ on: { flag: 'f', environment: 'production', venues: ['a'] } });
  expect([playKind(on), playKind({})]).toEqual(['on', undefined]);
});

test('a rehearsal says how many devices had it, and that without any nothing is known', () => {
  expect(rehearsalWords({ devices: 12, converged: 12, lastMillis: 84 })).toBe(
    'All 12 devices had it, the last after 84 ms.',
  );
  expect(rehearsalWords({ devices: 12, converged: 9 })).toBe('9 of 12 devices had it.');
  expect(rehearsalWords({ devices: 0, converged: 0 })).toContain('nothing is known');
});
