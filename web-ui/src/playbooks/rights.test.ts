import { expect, test } from 'vitest';
import { spotsOf } from './rights';

const nowhere = () => undefined;

test('a play is about the places that it names, or all of its environment', () => {
  const base = { flag: 'gate', environment: 'production' };
  expect(spotsOf({ kill: { ...base, venues: ['camp-nou', 'anfield'] } }, nowhere)).toEqual([
    { environment: 'production', venue: 'camp-nou' },
    { environment: 'production', venue: 'anfield' },
  ]);
  expect(spotsOf({ on: base }, nowhere)).toEqual([{ environment: 'production' }]);
  expect(spotsOf({ kill: { ...base, venues: ['anfield'], cohorts: ['staff'] } }, nowhere)).toEqual([
    { environment: 'production' },
  ]);
});

test('what it was needs rights everywhere, a release those where it is, and words none', () => {
  expect(spotsOf({ restore: { flag: 'gate', to: 3 } }, nowhere)).toBe('everywhere');
  expect(spotsOf({ rollBack: { release: 'r' } }, () => 'staging')).toEqual([{ environment: 'staging' }]);
  expect(spotsOf({ rollBack: { release: 'r' } }, nowhere)).toEqual([]);
  expect(spotsOf({ notice: { text: 'Hello' } }, nowhere)).toEqual([]);
});
