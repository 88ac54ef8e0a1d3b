import { expect, test } from 'vitest';
import { inCode, reasonWord } from './words';

test('reasons and places in code are told in words', () => {
  expect(reasonWord({ reason: 'neverEvaluated' })).toBe('Nobody asks');
  expect(reasonWord({ reason: 'newer' })).toBe('newer');
  expect([undefined, 0, 1, 3].map(inCode)).toEqual(['Not looked for', 'Nowhere', '1 place', '3 places']);
});
