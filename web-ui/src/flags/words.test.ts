import { expect, test } from 'vitest';
import { conditionWords, exposureWords, prerequisiteWords, ruleWords, serveWords } from './words';

test('what other systems can say has words too', () => {
  const rollout = { by: ['userId'], percent: 10, from: 5, seed: 's', hash: 'murmur3Unleash' as const };
  expect(conditionWords({ rollout })).toBe('10 % from 5 % on (by userId)');
  expect(conditionWords({ logic: { '>': [{ var: 'age' }, 18] } })).toBe('JSONLogic {">":[{"var":"age"},18]}');
  expect(conditionWords({ attribute: 'v', op: 'in', values: ['a'], dialect: 'launchDarkly' })).toBe(
    'v is one of a (as LaunchDarkly compares)',
  );
  expect(conditionWords({ prerequisite: { flag: 'f', variants: ['a'] } })).toBe('flag f gives a');
  expect(prerequisiteWords({ flag: 'f', enabled: false })).toBe('is not enabled');
  expect(prerequisiteWords({ flag: 'f', variants: ['a', 'b'], enabled: true })).toBe(
    'gives a or b and is enabled',
  );
  const weights = [{ variant: 'a', weight: 1 }, { weight: 1 }];
  expect(serveWords({ split: { by: ['u'], seed: 's', weights } })).toBe('50 % a, 50 % pass on, drawn by u');
});

test('rules read as sentences', () => {
  const rule = {
    id: 'pilot',
    if: {
      all: [{ attribute: 'venue.country', op: 'in' as const, values: ['England'] }, { cohort: 'season' }],
    },
    rollout: { by: ['venue'], percent: 25, seed: 's' },
    serve: { variant: 'on' },
  };
  expect(ruleWords(rule)).toBe(
    '25 % (by venue) of venue.country is one of England and cohort season gets on',
  );
  expect(ruleWords({ id: 'next', serve: { variant: 'on' }, dark: true })).toBe(
    'everyone is counted as if it got on',
  );
  expect(conditionWords({ not: { any: [{ cohort: 'a' }, { cohort: 'b' }] } })).toBe(
    'not (cohort a or cohort b)',
  );
  expect(
    serveWords({
      split: {
        by: ['orderId'],
        seed: 's',
        weights: [
          { variant: 'a', weight: 1 },
          { variant: 'b', weight: 3 },
        ],
      },
    }),
  ).toBe('25 % a, 75 % b, drawn by orderId');
});

test('cells say what, why, and in which tone', () => {
  expect(exposureWords({ variant: 'off', source: 'killed' })).toEqual({
    text: 'off',
    why: 'killed',
    tone: 'killed',
  });
  expect(exposureWords({ variant: 'on', source: 'override' }).tone).toBe('on');
  const split = {
    source: 'split' as const,
    mix: [
      { variant: 'on', percent: 10 },
      { variant: 'off', percent: 90 },
    ],
  };
  expect(exposureWords(split)).toEqual({ text: '10 % on', why: 'drawn by lot', tone: 'mixed' });
  expect(exposureWords({ source: 'unknown' }).text).toBe('code default');
});

test('what has to be there, or not, is said without a boolean', () => {
  const exists = (...values: boolean[]) => conditionWords({ attribute: 'seat', op: 'exists', values });
  expect([exists(), exists(true), exists(false)]).toEqual([
    'seat is there',
    'seat is there',
    'seat is not there',
  ]);
});
