import { expect, test } from 'vitest';
import type { Flag, FlagConfig, Rule } from '../api/client';
import { merge } from './merge';

const rule = (id: string, variant = 'on'): Rule => ({ id, serve: { variant } });
const flag = (config: Partial<FlagConfig>): Flag => ({
  key: 'seat-map',
  type: 'boolean',
  variants: { on: true, off: false },
  environments: { production: { offVariant: 'off', default: { variant: 'on' }, enabled: true, ...config } },
});
const merged = (base: Flag, mine: Flag, theirs: Flag) => {
  const { merged, clashes } = merge(base, mine, theirs);
  return { config: merged.environments?.production, clashes };
};

test('changes in different places are both kept: their kill and their switch, my rule', () => {
  const base = flag({ rules: [rule('a')] });
  const mine = flag({ rules: [rule('a', 'off')], venues: { wembley: 'on' } });
  const theirs = flag({ rules: [rule('a')], enabled: false, killed: { venues: ['camp-nou'] } });
  const { config, clashes } = merged(base, mine, theirs);
  expect(clashes).toEqual([]);
  expect(config).toMatchObject({
    enabled: false,
    killed: { venues: ['camp-nou'] },
    rules: [rule('a', 'off')],
    venues: { wembley: 'on' },
  });
});

test('rules are merged one by one: new, changed and removed ones of both', () => {
  const base = flag({ rules: [rule('a'), rule('b'), rule('c')] });
  const mine = flag({ rules: [rule('a'), rule('mine'), rule('b', 'off')] });
  const theirs = flag({ rules: [rule('theirs'), rule('a', 'off'), rule('b'), rule('c')] });
  const { config, clashes } = merged(base, mine, theirs);
  expect(clashes).toEqual([]);
  expect(config?.rules).toEqual([rule('theirs'), rule('a', 'off'), rule('mine'), rule('b', 'off')]);
});

test('an order that only I changed stays mine', () => {
  const base = flag({ rules: [rule('a'), rule('b')] });
  const mine = flag({ rules: [rule('b'), rule('a')] });
  const theirs = flag({ rules: [rule('a', 'off'), rule('b')] });
  expect(merged(base, mine, theirs).config?.rules).toEqual([rule('b'), rule('a', 'off')]);
});

test('where both changed the same, mine is taken and the place is named; a serve is never mixed', () => {
  const base = flag({ rules: [rule('a')] });
  const mine = flag({ rules: [rule('a', 'off')] });
  const split = { by: ['venue'], seed: 's', weights: [{ variant: 'on', weight: 1 }] };
  const theirs = flag({ rules: [{ id: 'a', serve: { split } }] });
  const { config, clashes } = merged(base, mine, theirs);
  expect(clashes).toEqual(['environments.production.rules.a.serve']);
  expect(config?.rules).toEqual([rule('a', 'off')]);
});

test('a rule that I removed and they changed is named', () => {
  const base = flag({ rules: [rule('a'), rule('b')] });
  const { config, clashes } = merged(
    base,
    flag({ rules: [rule('b')] }),
    flag({ rules: [rule('a', 'off'), rule('b')] }),
  );
  expect(clashes).toEqual(['environments.production.rules.a']);
  expect(config?.rules).toEqual([rule('b')]);
});
