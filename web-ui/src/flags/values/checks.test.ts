import { expect, test } from 'vitest';
import type { Editor, Scalar } from '../conditions';
import { KINDS, momentOf, wrongWords } from './checks';

function check(editor: Editor, good: Scalar[], bad: Scalar[]) {
  const fits = KINDS[editor]?.fits;
  for (const value of good) expect(fits?.(value), `${value}`).toBe(true);
  for (const value of bad) expect(fits?.(value), `${value}`).toBe(false);
}

test('versions are those that the server reads', () => {
  check(
    'versions',
    ['3.2.0', 'v3', 'V3.2', '3-beta', '1.0.0-rc.1+build.5', '0.0.0'],
    ['', 'x', '3.', '3.2.0.1', '03.1', '1.0.0-01', '^3.2.0', '3.x', 3],
  );
});

test('networks are ranges in CIDR notation, or single addresses', () => {
  check(
    'networks',
    ['10.1.0.0/16', '10.0.0.1', '0.0.0.0/0', '2001:db8::/32', '::1', '::ffff:10.0.0.1'],
    [
      '',
      '10.1.0.0/33',
      '10.1.0',
      '256.1.1.1',
      '010.1.1.1',
      '10.1.0.0/',
      '10.0.0.0/8/8',
      '2001:db8::/129',
      'a:b',
    ],
  );
});

test('patterns may be written as the server has them, whether a browser has them so or not', () => {
  check(
    'patterns',
    ['^gate-[0-9]+$', '(?i)north', '(?P<row>\\d+)', '(?s:a.b)', '\\(\\?=', '[(?=]', '\\\\d', 'a|b'],
    ['(', '[a', 'a(?=b)', 'a(?!b)', '(?<=a)b', '(?<!a)b', '(a)\\1', '*'],
  );
});

test('times are RFC 3339, or milliseconds since 1970', () => {
  expect(momentOf('2026-12-31T19:30:00+01:00')).toBe('2026-12-31T18:30:00.000Z');
  expect([momentOf(0), momentOf('1000')]).toEqual(['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z']);
  check(
    'times',
    ['2026-12-31T19:30:00.5Z', '2026-12-31t19:30+00:00'],
    ['soon', '2026-12-31', '2026-13-01T00:00:00Z', true, 1e300],
  );
});

test('what is wrong is said with the value and an example, and of many only the first', () => {
  expect(wrongWords('versions', ['3.2.0', 'new'])).toBe('“new” does not look like a version, such as 3.2.0.');
  expect(wrongWords('numbers', ['a', 'b', 'c', 'd', 'e'])).toMatch(/“c” .* So it is with 2 more\.$/);
  expect([wrongWords('numbers', [1]), wrongWords('tags', ['x'])]).toEqual(['', '']);
});
