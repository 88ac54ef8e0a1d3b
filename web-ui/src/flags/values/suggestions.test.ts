import { expect, test } from 'vitest';
import { suggestions } from './suggestions';

test('what venues have is suggested once, in order, and a built-in field wins', () => {
  const venues = [
    { key: 'a', name: 'A', country: 'Spain', tags: ['football', 'roof'], attributes: { tier: 2, name: 'x' } },
    { key: 'b', name: 'B', country: 'Brazil', tags: ['football'], capacity: 78000 },
    { key: 'c', name: 'C', country: 'Spain', city: '', capacity: 9000, attributes: { tier: 10, roof: true } },
  ];
  const of = (name: string) => suggestions(`venue.${name}`, venues);
  expect(of('country')).toEqual(['Brazil', 'Spain']);
  expect(of('tags')).toEqual(['football', 'roof']);
  expect(of('capacity')).toEqual([9000, 78000]);
  expect(of('tier')).toEqual([2, 10]);
  expect(of('name')).toEqual(['A', 'B', 'C']);
  expect([of('roof'), of('city'), of('nothing'), of('attributes')]).toEqual([[true], [], [], []]);
});
