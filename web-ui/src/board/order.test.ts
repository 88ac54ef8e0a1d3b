import { expect, test } from 'vitest';
import type { BoardVenue } from '../api/client';
import { byDevices, fitting, keeping } from './order';

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
  expect(keys(before, byDevices(before, fitting(before, '')))).toEqual(['b', 'c', 'a']);
  const places = new Map(
    keys(before, byDevices(before, fitting(before, ''))).map((key, n) => [key ?? '', n]),
  );
  const now = venues({ a: 90, c: 70, d: 80 });
  expect(keys(now, keeping(now, fitting(now, ''), places))).toEqual(['c', 'a', 'd']);
});

test('venues are found by key, name, city and country', () => {
  const all = venues({ 'camp-nou': 0, anfield: 3, maracana: 1 });
  Object.assign(all[2] ?? {}, { name: 'Maracanã', city: 'Rio de Janeiro', country: 'Brazil' });
  expect(fitting(all, ' rio ')).toEqual([2]);
  expect(fitting(all, 'BRAZ')).toEqual([2]);
  expect(fitting(all, 'an')).toEqual([1, 2]);
  expect(fitting(all, 'nowhere')).toEqual([]);
  expect(keys(all, byDevices(all, fitting(all, 'an')))).toEqual(['anfield', 'maracana']);
});
