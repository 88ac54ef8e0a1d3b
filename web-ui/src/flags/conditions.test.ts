import { expect, test } from 'vitest';
import { attributes, rows, shown, typed, unrows } from './conditions';

test('flat conditions become rows and back, unchanged', () => {
  for (const condition of [
    { attribute: 'x', op: 'in' as const, values: ['a'] },
    { cohort: 'staff' },
    { all: [{ cohort: 'staff' }, { attribute: 'x', op: 'gt' as const, values: [1] }] },
    { any: [{ cohort: 'staff' }] },
    { all: [{ cohort: '' }, { attribute: '', op: 'in' as const, values: [] }] },
  ]) {
    const flat = rows(condition);
    expect(flat && unrows(flat)).toEqual(condition);
  }
  expect(rows(undefined)).toEqual({ join: 'all', rows: [] });
});

test('what rows can not show is left alone', () => {
  expect(rows({ not: { cohort: 'staff' } })).toBeUndefined();
  expect(rows({ all: [{ any: [{ cohort: 'a' }] }] })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'in', values: ['A'], ignoreCase: true })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'in', values: ['a'], dialect: 'flagd' })).toBeUndefined();
  expect(rows({ all: [{ logic: { var: 'x' } }] })).toBeUndefined();
});

test('nobody is not shown as everyone, and operators of a newer server are left alone', () => {
  expect(rows({ any: [] })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'soundsLike' as 'in', values: ['a'] })).toBeUndefined();
});

test('values are typed as their operator wants them', () => {
  expect(typed('gte', ['60000', 'x'])).toEqual([60000, 'x']);
  expect(typed('in', ['1', 'true', '"1"', 'A12'])).toEqual([1, true, '1', 'A12']);
  expect(typed('semverGte', ['3'])).toEqual(['3']);
  expect(typed('matches', ['^1$', '5'])).toEqual(['^1$', '5']);
});

test('editing one value leaves the others what they are', () => {
  const before = ['5', 5, 'true', true, 'gate 1', '"quoted"'];
  const texts = shown('in', before);
  expect(texts).toEqual(['"5"', '5', '"true"', 'true', 'gate 1', '"\\"quoted\\""']);
  expect(typed('in', [...texts, '7'], before)).toEqual([...before, 7]);
  // A number that a version is compared with is wrong, but not for this editor to change.
  expect(typed('semverEq', shown('semverEq', [3]), [3])).toEqual([3]);
});

test('attributes are read as somebody at a gate would type them', () => {
  expect(
    attributes('appVersion=3.2.0 tier=season, capacity=60000 vip=true seat="5" row="A 1" token=a=b'),
  ).toEqual({
    appVersion: '3.2.0',
    tier: 'season',
    capacity: 60000,
    vip: true,
    seat: '5',
    row: 'A 1',
    token: 'a=b',
  });
});
