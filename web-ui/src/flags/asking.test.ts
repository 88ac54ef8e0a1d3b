import { expect, test } from 'vitest';
import type { Flag, FlagConfig } from '../api/client';
import { asking, askingWords } from './asking';

const environments = [
  { key: 'production', name: 'Production', approvals: 2 },
  { key: 'staging', name: 'Staging' },
];
const config: FlagConfig = { enabled: true, offVariant: 'off', default: { variant: 'on' } };
const flag = (production: FlagConfig | undefined, more: Partial<Flag> = {}): Flag => ({
  key: 'gate',
  type: 'boolean',
  variants: { on: true, off: false },
  environments: { staging: config, ...(production ? { production } : {}) },
  ...more,
});
const asks = (after: Flag, before = flag(config)) =>
  asking(before, after, environments).map(({ key }) => key);

test('an environment that asks for approvals is named when its clients notice the change', () => {
  expect(asks(flag({ ...config, default: { variant: 'off' } }))).toEqual(['production']);
  expect(asks(flag(config, { variants: { on: true, off: false, more: true } }))).toEqual(['production']);
  expect(asks(flag(undefined))).toEqual(['production']);
  expect(askingWords(asking(flag(config), flag(undefined), environments))).toBe(
    'Production asks for 2 approvals',
  );
});

test('it is not where nobody notices anything, or nobody asks', () => {
  expect(asks(flag(config, { name: 'Gate' }))).toEqual([]);
  expect(asks(flag({ ...config, measure: ['scan'] }))).toEqual([]);
  expect(asks(flag({ default: { variant: 'on' }, offVariant: 'off', enabled: true }))).toEqual([]);
  const elsewhere = {
    ...flag(config),
    environments: { production: config, staging: { ...config, enabled: false } },
  };
  expect(asks(elsewhere)).toEqual([]);
  expect(asks(flag({ ...config, enabled: false }), flag(undefined))).toEqual([]);
});
