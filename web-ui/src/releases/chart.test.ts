import { expect, test } from 'vitest';
import { chartWords, HEIGHT, lines, stretches, WIDTH } from './chart';
import type { Point } from './past';

const point = (at: number, state: string, variant?: number, control?: number, bound?: number): Point => ({
  at,
  state,
  variant,
  control,
  bound,
});

test('lines go from nought to a round number, from the first look to the last, with gaps', () => {
  const drawn = lines([
    point(0, 'early'),
    point(1_000, 'well', 0, undefined, 4),
    point(2_000, 'well', 3, 1, 4),
    point(3_000, 'well', 4, 2, 4),
  ]);
  expect(drawn?.top).toBe(5);
  const [bound, control, variant] = drawn?.lines ?? [];
  expect(variant).toEqual({
    name: 'variant',
    path: `M0.0 ${HEIGHT}.0L${WIDTH / 2}.0 ${(HEIGHT * 0.4).toFixed(1)}L${WIDTH}.0 ${(HEIGHT * 0.2).toFixed(1)}`,
  });
  expect(control?.path.startsWith(`M${WIDTH / 2}.0`)).toBe(true);
  expect(bound?.name).toBe('bound');
});

test('one look is no line, and nothing at all no chart', () => {
  expect(lines([point(0, 'well', 1)])).toBeUndefined();
  expect(lines([])).toBeUndefined();
  expect(lines([point(0, 'well', 0), point(1, 'well', 0)])?.top).toBe(1);
});

test('verdicts stand one after the other, each until the next', () => {
  expect(stretches([point(0, 'early'), point(5, 'early'), point(9, 'well'), point(12, 'breached')])).toEqual([
    { state: 'early', from: 0, to: 9 },
    { state: 'well', from: 9, to: 12 },
    { state: 'breached', from: 12, to: 12 },
  ]);
});

test('a chart says what it shows', () => {
  const said = chartWords([point(0, 'well', 1.234, 2, 5), point(1_000, 'well', 3, 2, 5)], ' %');
  expect(said).toMatch(
    /between 1\.23 % and 3 %.*is at 3 % now; the control is at 2 %; at most 5 % is allowed/,
  );
  expect(chartWords([point(0, 'early')], ' %')).toBe('Nothing was seen yet.');
});
