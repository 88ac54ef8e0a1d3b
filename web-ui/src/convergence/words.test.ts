import { expect, test } from 'vitest';
import { arrived, millis, sentence, waitedFirst } from './words';

test('convergence is told in one sentence', () => {
  const all = { expected: 1204, converged: 1204, left: 0, maxMs: 84.2 };
  expect(sentence(all, 'at Wembley Stadium')).toBe('1,204 of 1,204 devices at Wembley Stadium, 84 ms');
  expect(arrived(all)).toBe(100);
});

test('who has left is not waited for', () => {
  const part = { expected: 10, converged: 6, left: 2 };
  expect(arrived(part)).toBe(75);
  expect(sentence(part, 'everywhere')).toBe('6 of 8 devices everywhere (2 left before)');
  expect(arrived({ expected: 2, converged: 0, left: 2 })).toBe(100);
});

test('times are short', () => {
  expect([millis(0.3), millis(999), millis(1500), millis(undefined)]).toEqual([
    '1 ms',
    '999 ms',
    '1.5 s',
    '—',
  ]);
});

test('venues that are waited for come first, then the largest', () => {
  const part = (name: string, expected: number, converged: number, left = 0) => ({
    name,
    expected,
    converged,
    left,
  });
  const parts = [part('done', 9, 9), part('large', 90, 90), part('late', 5, 3), part('left', 8, 0, 8)];
  expect(waitedFirst(parts).map((one) => one.name)).toEqual(['late', 'large', 'done', 'left']);
});
