import { expect, test } from 'vitest';
import { plainly } from './plainly';

test('what the server says is said as people read it', () => {
  expect(plainly('It bakes for 3490s more of 1h.')).toBe('It bakes for 58 min 10 s more of 1h.');
  expect(plainly('nothing was tracked as `checkout`, for 7200 s.')).toBe(
    'nothing was tracked as “checkout”, for 2 h.',
  );
  expect(plainly('It bakes for 45s more.')).toBe('It bakes for 45s more.');
  expect(plainly('Nothing is changed at anfield until 2126-01-01T12:00:00Z: x')).toMatch(
    /^Nothing is changed at anfield until (31 Dec 2125|1 Jan 2126|2 Jan 2126), \d\d:\d\d: x$/,
  );
});
