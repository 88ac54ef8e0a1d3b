import { expect, test } from 'vitest';
import type { Guard, Release, Stage } from '../api/client';
import {
  durationWords,
  guardWords,
  listWords,
  painOf,
  stageAsks,
  stageWords,
  thenWords,
  waitsForSomebody,
} from './words';

const nameOf = (key: string) => ({ anfield: 'Anfield', dome: 'Berlin Dome' })[key] ?? key;

test('a stage says whom it reaches', () => {
  const words = (stage: Omit<Stage, 'name'>) => stageWords({ name: 's', ...stage }, nameOf);
  expect(words({})).toBe('Everybody everywhere');
  expect(words({ venues: ['anfield', 'dome'], percent: 50 })).toBe(
    '50 % of people at Anfield and Berlin Dome',
  );
  expect(words({ percent: 10, by: ['venue'] })).toBe('10 % of venues everywhere');
  expect(words({ percent: 10, by: ['orderId'] })).toBe('10 % of people everywhere, drawn by orderId');
  expect(words({ cohorts: ['staff'], venues: ['dome'] })).toBe('People in cohort staff at Berlin Dome');
  expect(words({ dark: true })).toBe('Nobody is served: counted for everybody everywhere');
});

test('a stage says what has to hold before the next', () => {
  expect(stageAsks({ name: 's', bake: '0s' })).toEqual([]);
  expect(
    stageAsks({ name: 's', bake: '90m', requires: { exposures: 1000, converged: 99, approval: true } }),
  ).toEqual([
    'it has gone well for 90 minutes',
    '1,000 exposures were seen',
    '99 % of devices have it',
    'somebody has approved',
  ]);
  expect([durationWords('1h'), durationWords('soon')]).toEqual(['1 hour', 'soon']);
  expect(listWords(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
});

test('a guard of each kind says what it watches', () => {
  const words = (check: Guard['check']) => guardWords({ name: 'g', check });
  expect(words({ failures: { metric: 'm' } })).toContain('than with the control.');
  expect(words({ failures: { metric: 'm', tolerance: 5 } })).toContain('by more than 5 %');
  expect(words({ failures: { metric: 'm', atMost: 2 } })).toContain('may fail 2 %');
  expect(words({ mean: { metric: 'm', worse: 'higher' } })).toContain('may not be higher');
  expect(words({ budget: { metric: 'm', objective: 99.9 } })).toContain('99.9 %');
  expect(words({ prometheus: { url: 'u', query: 'q', above: 1, below: 0, window: '5m' } })).toBe(
    'Prometheus may not say above 1 or below 0 for 5 minutes: q',
  );
  expect(words({ probe: { url: 'u' } })).toBe('GET u has to be answered 200.');
  expect(words({ webhook: { url: 'u' } })).toContain('opinion');
  // What a newer server does when it is breached.
  const then = { playbook: 'gates-fail' } as unknown as Guard['then'];
  const newer: Guard = JSON.parse(JSON.stringify({ name: 'g', check: {}, then }));
  expect(thenWords(newer)).toContain('gates-fail');
});

test('what hurts comes first, then what waits for somebody', () => {
  const release = (status?: string, approval = false): Release => ({
    key: 'r',
    flag: 'f',
    environment: 'production',
    variant: 'on',
    control: 'off',
    stages: [{ name: 'all', requires: { approval } }],
    ...(status
      ? {
          progress: {
            status: status as 'running',
            stage: 0,
            since: '2027-05-01T00:00:00Z',
            started: '2027-05-01T00:00:00Z',
          },
        }
      : {}),
  });
  const bad = [{ name: 'g', state: 'breached', detail: '' }];
  const order = [
    painOf(release('running'), bad),
    painOf(release('paused')),
    painOf(release('running', true)),
    painOf(release('running')),
    painOf(release()),
    painOf(release('rolledBack')),
    painOf(release('completed')),
  ];
  expect([...order].sort((a, b) => a - b)).toEqual(order);
  expect(new Set(order).size).toBe(order.length);
  expect([waitsForSomebody(release('running', true)), waitsForSomebody(release('paused', true))]).toEqual([
    true,
    false,
  ]);
});
