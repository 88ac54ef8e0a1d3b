import { expect, test } from 'vitest';
import { type Part, partsOf, type Split, splitOf, sumOf, withPart } from './split';

const split = (weights: [string | undefined, number][], more: Partial<Split> = {}): Split => ({
  by: ['targetingKey'],
  seed: 's',
  weights: weights.map(([variant, weight]) => ({ ...(variant && { variant }), weight })),
  ...more,
});
const set = (parts: Part[], ...percents: (number | string | undefined)[]) =>
  parts.map((part, n) => ({ ...part, percent: percents[n] ?? part.percent }));
const weights = (made: Split | string) =>
  typeof made === 'string' ? made : made.weights.map(({ weight }) => weight);

test('a split that nobody touches stays to the letter, whatever its weights add up to', () => {
  for (const before of [
    split([['low', 1]]),
    split([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]),
    split(
      [
        ['a', 0],
        ['b', 0],
      ],
      { otherwise: 'a' },
    ),
    split(
      [
        ['a', 123_456_789],
        [undefined, 987_654_321],
      ],
      {
        hash: 'murmur3Flagd',
        fallback: ['venue'],
        whenMissing: 'first',
      },
    ),
  ])
    expect(splitOf(partsOf(before), before)).toEqual(before);
});

test('shares are told in per cent, and thirds make a whole', () => {
  const parts = partsOf(
    split([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]),
  );
  expect(parts.map(({ percent }) => percent)).toEqual([33.333, 33.333, 33.333]);
  expect(sumOf(parts)).toBe(100);
  expect(sumOf(set(parts, 33.33, 33.33, 33.33))).toBe(99.99);
});

test('new weights keep order, draw and, where it can tell them, the sum', () => {
  const before = split(
    [
      ['a', 200],
      [undefined, 800],
    ],
    { whenMissing: 'empty', otherwise: 'b' },
  );
  const after = splitOf(set(partsOf(before), 30, 70), before);
  expect(after).toEqual({ ...before, weights: [{ variant: 'a', weight: 300 }, { weight: 700 }] });
  // What was not changed weighs what it did, and the sum is the same.
  const odd = split([
    ['a', 1_000_001],
    ['b', 1_000_000],
    ['c', 1_000_002],
  ]);
  expect(weights(splitOf(set(partsOf(odd), 40, 26.667), odd))).toEqual([1_200_001, 800_000, 1_000_002]);
});

test('where the sum can not tell the new weights, another can', () => {
  const before = split([
    ['a', 1],
    ['b', 1],
  ]);
  const to = (...percents: number[]) => weights(splitOf(set(partsOf(before), ...percents), before));
  expect([to(10, 90), to(0.5, 99.5), to(33.333, 66.667)]).toEqual([
    [10, 90],
    [5, 995],
    [33_333, 66_667],
  ]);
});

test('another system’s draw keeps its sum, or is refused', () => {
  const before = split(
    [
      ['a', 500],
      ['b', 500],
    ],
    { hash: 'murmur3Unleash' },
  );
  const to = (...percents: number[]) => weights(splitOf(set(partsOf(before), ...percents), before));
  expect(to(50.1, 49.9)).toEqual([501, 499]);
  expect(to(50.05, 49.95)).toBe('This draw comes from another system, and goes in steps of 0.1 %.');
});

test('parts have to make 100 together, and it is said what lacks', () => {
  const before = split([
    ['a', 50],
    ['b', 50],
  ]);
  const to = (...percents: (number | string)[]) => splitOf(set(partsOf(before), ...percents), before);
  expect(to(60, 30)).toBe('Together they have to be 100 %: 10 % are left.');
  expect(to(60, 50.5)).toBe('Together they have to be 100 %: 10.5 % are too many.');
  expect(to('', 50)).toBe('Give every part its per cent.');
  expect(to('60.', '40')).toMatchObject({ weights: [{ weight: 60 }, { weight: 40 }] });
  expect(splitOf([], before)).toBe('A split needs at least one part.');
  expect(splitOf(partsOf(before), { ...before, by: [] })).toBe('Say by what it is drawn.');
});

test('a part is added at the end, of what is left, and one that is removed takes no other’s weight', () => {
  const before = split([
    ['a', 30],
    ['b', 40],
    ['c', 30],
  ]);
  const without = partsOf(before).filter(({ variant }) => variant !== 'b');
  const parts = withPart(without, ['a', 'b', 'c', 'd']);
  expect(parts.map(({ variant, percent }) => [variant, percent])).toEqual([
    ['a', 30],
    ['c', 30],
    ['b', 40],
  ]);
  expect(new Set(parts.map(({ id }) => id)).size).toBe(3);
  expect(splitOf(parts, before)).toMatchObject({
    weights: [{ variant: 'a' }, { variant: 'c' }, { variant: 'b' }],
  });
  expect(withPart(partsOf(before), ['a']).at(-1)).toMatchObject({ variant: 'a', percent: 0 });
});
