import { expect, test } from 'vitest';
import { chartWords, linesOf, pathOf, timeWords, topOf } from './series';

const series = (...all: [string | undefined, number[], boolean?][]) => ({
  series: all.map(([name, counts, isRest = false]) => ({
    name,
    isRest,
    total: counts.reduce((sum, count) => sum + count, 0),
    counts,
  })),
});
const nameOf = (venue: string) => venue.toUpperCase();

test('lines have the names that people know', () => {
  const names = (by: 'variant' | 'venue' | 'reason', name: string | undefined) =>
    linesOf(series([name, [1]]), by, nameOf)[0]?.name;
  expect(names('variant', 'on')).toBe('on');
  expect(names('variant', undefined)).toBe('The code’s own default');
  expect(names('venue', 'dome')).toBe('DOME');
  expect(names('venue', undefined)).toBe('No venue');
  expect(names('reason', 'SPLIT')).toBe('Drawn');
  expect(names('reason', 'CUSTOM')).toBe('CUSTOM');
});

test('what there is no room for is one line, and nothing is lost', () => {
  const all = series(...Array.from({ length: 9 }, (_, n): [string, number[]] => [`v${n}`, [9 - n, 1]]), [
    undefined,
    [5, 5],
    true,
  ]);
  const lines = linesOf(all, 'variant', nameOf);
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toEqual({ name: 'All others', total: 24, counts: [15, 9] });
  const sum = (of: { total: number }[]) => of.reduce((total, one) => total + one.total, 0);
  expect(sum(lines)).toBe(sum(all.series));
  expect(chartWords(lines.slice(0, 1), '24h')).toBe('10 evaluations in 24 hours: v0 10.');
});

test('a line goes from nought to the top in steps', () => {
  expect(pathOf([0, 5], 10)).toBe('M0.0 120.0L300.0 120.0L300.0 60.0L600.0 60.0');
  expect([[], [4], [6], [11], [900]].map((counts) => topOf([{ name: '', total: 0, counts }]))).toEqual([
    5, 5, 10, 20, 1000,
  ]);
});

test('days are told as days, wherever the reader is', () => {
  expect(timeWords('2026-11-29T00:00:00.000Z', 'day')).toBe('29 Nov');
  expect(timeWords('2026-11-29T10:00:00.000Z', 'hour')).toMatch(/29 Nov.*\d\d:00/);
});
