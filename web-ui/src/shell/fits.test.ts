import { expect, test } from 'vitest';
import { fits } from './fits';

test('a search finds a part of any text, in capitals or not, and everything as long as it is empty', () => {
  expect(fits(' GATE ', ['Staff', 'gates-north'])).toBe(true);
  expect(fits('gate', ['Staff', undefined, null])).toBe(false);
  expect([fits('', []), fits('  ', [undefined])]).toEqual([true, true]);
});
