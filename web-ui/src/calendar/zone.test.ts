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

test('a year that is typed digit by digit goes to a moment and back with each of them', () => {
  for (const zone of ['UTC', 'Europe/London', 'America/New_York', 'Asia/Kathmandu'])
    for (const year of ['0002', '0020', '0202', '2027', '9999', '20270', '202704']) {
      const local = `${year}-12-31T19:30`;
      const moment = fromLocal(local, zone);
      expect(moment && toLocal(moment, zone), `${local} in ${zone}`).toBe(local);
    }
  expect(fromLocal('275760-09-13T00:00', 'UTC')).toBeUndefined();
});
