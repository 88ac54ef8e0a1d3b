import { expect, test } from 'vitest';
import { step } from './gridKeys';

const size = { rows: 12, columns: 2_189, page: 10 };
const press = (key: string, ctrlKey = false) => step({ row: 3, column: 5 }, { key, ctrlKey }, size);

test('arrows, pages and ends move through the board and stop at its edges', () => {
  expect(press('ArrowDown')).toEqual({ row: 4, column: 5 });
  expect(press('ArrowLeft')).toEqual({ row: 3, column: 4 });
  expect(press('PageUp')).toEqual({ row: 0, column: 5 });
  expect(press('PageDown')).toEqual({ row: 11, column: 5 });
  expect(press('Home')).toEqual({ row: 3, column: 0 });
  expect(press('End', true)).toEqual({ row: 11, column: 2_188 });
  expect(step({ row: 0, column: 0 }, { key: 'ArrowUp', ctrlKey: false }, size)).toEqual({
    row: 0,
    column: 0,
  });
});

test('other keys are left to whoever wants them', () => {
  expect(press('Enter')).toBeUndefined();
  expect(press('a')).toBeUndefined();
});
