import { expect, test } from 'vitest';
import { changeWords, kindWords } from './words';

test('kinds of documents are said as words', () => {
  expect([kindWords('flag'), kindWords('changeRequest')]).toEqual(['flag', 'change request']);
  expect(changeWords({ action: 'created', kind: 'changeRequest', key: 'dearer-seats' })).toBe(
    'created change request dearer-seats',
  );
});
