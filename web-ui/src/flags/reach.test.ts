import { expect, test } from 'vitest';
import type { Exposure, Reach } from '../api/client';
import { reachWords } from './reach';

const on: Exposure = { variant: 'on', source: 'default' };
const off: Exposure = { variant: 'off', source: 'rule', rule: 'a' };
const at = (key: string, flag: string, before: Exposure, after: Exposure) => ({
  key,
  name: key,
  devices: 10,
  flag,
  environment: 'production',
  before,
  after,
});
const reach = (venues: Reach['venues'], truncated = false): Reach => ({
  venues,
  devices: 99,
  prerequisites: [],
  truncated,
});

test('a venue counts once, also when several of its flags change', () => {
  const found = reach([
    at('wembley', 'a', on, off),
    at('wembley', 'b', on, off),
    at('camp-nou', 'a', on, off),
  ]);
  expect(reachWords(found)).toBe('2 venues get something else, with 20 devices connected there now.');
});

test('another reason for the same variant reaches nobody', () => {
  expect(reachWords(reach([at('wembley', 'a', on, { ...on, source: 'override' })]))).toBe(
    'No venue gets anything else.',
  );
});

test('a list that was cut short is not told as the whole', () => {
  expect(reachWords(reach([at('wembley', 'a', on, off)], true))).toMatch(/^More than 1 venue .* 99 devices/);
});
