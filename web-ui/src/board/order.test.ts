import { expect, test } from 'vitest';
import type { BoardVenue } from '../api/client';
import { arranged, byDevices, fitting, groupsOf, keeping } from './order';

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

test('venues stand together by country or first tag, pinned ones before all others', () => {
  const all = venues({ anfield: 3, maracana: 9, wembley: 5, dome: 1, moon: 0 });
  const places: [string, string[]][] = [
    ['England', ['stadium', 'red']],
    ['Brazil', ['stadium']],
    ['England', ['arena']],
    ['Germany', ['arena']],
    ['', []],
  ];
  for (const [n, [country, tags]] of places.entries()) Object.assign(all[n] ?? {}, { country, tags });
  const order = byDevices(all, fitting(all, ''));
  const told = (by: 'none' | 'country' | 'tag', pinned: string[]) => {
    const own = arranged(all, order, by, pinned);
    return [
      keys(all, own),
      groupsOf(all, own, by, pinned).map(({ label, from, count }) => `${label} ${from}+${count}`),
    ];
  };
  expect(told('none', [])).toEqual([['maracana', 'wembley', 'anfield', 'dome', 'moon'], []]);
  expect(told('none', ['moon', 'dome'])[0]).toEqual(['moon', 'dome', 'maracana', 'wembley', 'anfield']);
  expect(told('country', ['anfield'])).toEqual([
    ['anfield', 'maracana', 'wembley', 'dome', 'moon'],
    ['Pinned 0+1', 'Brazil 1+1', 'England 2+1', 'Germany 3+1', 'No country 4+1'],
  ]);
  expect(told('tag', [])).toEqual([
    ['maracana', 'anfield', 'wembley', 'dome', 'moon'],
    ['stadium 0+2', 'arena 2+2', 'No tag 4+1'],
  ]);
  // Somebody pinned a venue that is gone.
  expect(told('country', ['gone'])[0]).toHaveLength(5);
});
