import { expect, test } from 'vitest';
import { MOST_PINS, NO_PINS, withMore, without } from './pins';

test('what is pinned comes once, in the order in which it was, and goes alone', () => {
  const pins = withMore(withMore(NO_PINS, ['b'], ['v']), ['a', 'b'], ['v', 'w']);
  expect(pins).toEqual({ flags: ['b', 'a'], venues: ['v', 'w'] });
  expect(without(pins, ['b'], ['v', 'x'])).toEqual({ flags: ['a'], venues: ['w'] });
  const many = Array.from({ length: 80 }, (_, n) => `f${n}`);
  expect(withMore(NO_PINS, many, []).flags).toHaveLength(MOST_PINS);
});
