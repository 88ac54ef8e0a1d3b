import { expect, test } from 'vitest';
import type { Cohort, Key } from '../api/client';
import { claimsWords, kindWords } from './words';

const key = (more: Partial<Key>) => ({ key: 'k', name: 'K', type: 'client', ...more }) as Key;

test('a key says what it is for', () => {
  expect(kindWords(key({}))).toBe('client');
  expect(kindWords(key({ signedContexts: 'optional' }))).toBe('client');
  expect(kindWords(key({ signedContexts: 'required' }))).toBe('client, signed only');
  expect(kindWords(key({ type: 'context' }))).toBe('signing');
});

test('a cohort says whose word it takes', () => {
  const cohort = (claims?: Cohort['claims']) => ({ key: 'c', name: 'C', claims }) as Cohort;
  expect(
    [undefined, 'signed', 'open'].map((claims) => claimsWords(cohort(claims as Cohort['claims']))),
  ).toEqual(['', 'Phones only by a signed context', 'Phones by their own word too']);
});
