import { expect, test } from 'vitest';
import { refusedWords } from './refused';

test('a word has its text, and what is no word is never repeated', () => {
  expect(refusedWords('#sign-in=no_group')).toMatch(/in no group/);
  expect(refusedWords('#sign-in=constructor')).toBe('This sign-in failed. Begin again.');
  expect(refusedWords('#sign-in=anything_else')).toBe('This sign-in failed. Begin again.');
  expect(refusedWords('#sign-in=<b>hi</b>')).toBeUndefined();
  expect(refusedWords('')).toBeUndefined();
});
