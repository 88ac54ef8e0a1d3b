import { expect, test } from 'vitest';
import type { BoardVenue } from '../api/client';
import { byDevices, keeping } from './order';

const venues = (devices: Record<string, number>): BoardVenue[] =>
  Object.entries(devices).map(([key, connected]) => ({
    key,
    name: key,
    city: '',
    country: '',
    tags: [],
    connected,
  }));
const keys = (all: BoardVenue[], order: number[]) => order.map((n) => all[n]?.key);

test('columns begin with where devices are, and keep their places while somebody is at them', () => {
  const before = venues({ a: 0, b: 5, c: 2 });
  expect(keys(before, byDevices(before))).toEqual(['b', 'c', 'a']);
  const places = new Map(keys(before, byDevices(before)).map((key, n) => [key ?? '', n]));
  const now = venues({ a: 90, c: 70, d: 80 });
  expect(keys(now, keeping(now, places))).toEqual(['c', 'a', 'd']);
});
