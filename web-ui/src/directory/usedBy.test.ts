import { expect, test } from 'vitest';
import type { Cohort, Condition, Flag, FlagConfig, Play, Release } from '../api/client';
import { type Users, usedBy } from './usedBy';

const nobody: Users = { flags: [], cohorts: [], releases: [], playbooks: [], schedules: [] };
const flag = (key: string, config: Partial<FlagConfig>): Flag => ({
  key,
  type: 'boolean',
  variants: { on: true, off: false },
  environments: { production: { offVariant: 'off', default: { variant: 'off' }, ...config } },
});
const asks = (key: string, condition: Condition) =>
  flag(key, { rules: [{ id: 'r', if: condition, serve: { variant: 'on' } }] });

test('a cohort is used by what asks for it, however deep, and by what it is killed for', () => {
  const flags = [
    asks('plain', { cohort: 'staff' }),
    asks('deep', { not: { any: [{ all: [{ cohort: 'staff' }] }, { cohort: 'staff' }] } }),
    { ...flag('killed', { killed: { cohorts: ['staff'] } }), name: 'Killed' },
  ];
  expect(usedBy({ ...nobody, flags }).get('staff')).toEqual(['plain', 'deep', 'Killed']);
});

test('a flag that only has the same word in it does not use it', () => {
  const flags = [
    {
      ...asks('staff', { attribute: 'staff', op: 'in', values: ['staff'] }),
      owner: 'staff',
      tags: ['staff'],
    },
    flag('variant', { default: { variant: 'staff' }, killed: { venues: ['staff'] } }),
    flag('listed', { targets: [{ by: 'staff', values: ['staff'], variant: 'on' }] }),
  ];
  expect(usedBy({ ...nobody, flags }).size).toBe(0);
});

test('cohorts, releases, playbooks and schedules use cohorts too, unless they are over', () => {
  const inner: Cohort = { key: 'vip', name: 'Guests', if: { all: [{ cohort: 'staff' }] } };
  const stages = [{ name: 'first', cohorts: ['staff'] }];
  const release = { key: 'r', flag: 'f', environment: 'e', variant: 'on', control: 'off', stages } as Release;
  const over = { ...release, key: 'over', progress: { status: 'completed' } } as Release;
  const plays: Play[] = [{ kill: { flag: 'f', environment: 'e', cohorts: ['staff'] } }];
  const at = '2030-01-01T00:00:00Z';
  const found = usedBy({
    ...nobody,
    cohorts: [inner],
    releases: [release, over],
    playbooks: [{ key: 'p', plays }],
    schedules: [
      { key: 's', at, plays },
      { key: 'done', at, plays, outcome: { at, status: 'done' } as never },
    ],
  });
  expect(found.get('staff')).toEqual(['cohort Guests', 'release r', 'playbook p', 'schedule s']);
});
