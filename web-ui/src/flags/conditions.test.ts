import { expect, test } from 'vitest';
import { rows, typed, unrows } from './conditions';

test('flat conditions become rows and back, unchanged', () => {
  for (const condition of [
    { attribute: 'x', op: 'in' as const, values: ['a'] },
    { cohort: 'staff' },
    { all: [{ cohort: 'staff' }, { attribute: 'x', op: 'gt' as const, values: [1] }] },
    { any: [{ cohort: 'staff' }] },
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
});

test('values are typed as their operator wants them', () => {
  expect(typed('gte', ['60000', 'x'])).toEqual([60000, 'x']);
  expect(typed('in', ['1', 'true'])).toEqual(['1', true]);
});
