import { expect, test } from 'vitest';
import { fromLocal, isZone, sameDay, toLocal } from './zone';

test('times go to the clocks of a venue and back, on both sides of a change of clocks', () => {
  for (const [moment, zone, local] of [
    ['2027-05-15T18:30:00Z', 'Europe/London', '2027-05-15T19:30'],
    ['2027-01-15T18:30:00Z', 'Europe/London', '2027-01-15T18:30'],
    ['2027-03-28T00:59:00Z', 'Europe/London', '2027-03-28T00:59'],
    ['2027-03-28T01:00:00Z', 'Europe/London', '2027-03-28T02:00'],
    ['2027-05-15T18:45:00Z', 'Asia/Kathmandu', '2027-05-16T00:30'],
    ['2027-05-15T23:30:00Z', 'Pacific/Auckland', '2027-05-16T11:30'],
  ] as const) {
    expect(toLocal(moment, zone)).toBe(local);
    expect(fromLocal(local, zone)).toBe(moment);
  }
});

test('of a time that is there twice the first is meant, and one that is left out comes after the change', () => {
  expect(fromLocal('2027-10-31T01:30', 'Europe/London')).toBe('2027-10-31T00:30:00Z');
  expect(fromLocal('2027-03-28T01:30', 'Europe/London')).toBe('2027-03-28T01:30:00Z');
});

test('what is no time and no zone is told', () => {
  expect(fromLocal('', 'UTC')).toBeUndefined();
  expect([isZone('Europe/Berlin'), isZone('Mars')]).toEqual([true, false]);
  expect(sameDay('2027-05-15T22:30:00Z', '2027-05-15T23:30:00Z', 'Europe/London')).toBe(false);
});
