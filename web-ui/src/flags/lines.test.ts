import { expect, test } from 'vitest';
import { type DiffLine, diffLines } from './lines';

const said = (lines: DiffLine[]) => lines.map((one) => `${one.kind[0]}${one.line}`);
const changed = (lines: DiffLine[]) => said(lines).filter((line) => !line.startsWith('s'));
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}`);

/** Whatever is found, both texts can be read from it. */
function holds(before: string[], after: string[]): DiffLine[] {
  const found = diffLines(before.join('\n'), after.join('\n'));
  const without = (kind: DiffLine['kind']) =>
    found.filter((one) => one.kind !== kind).map(({ line }) => line);
  expect([without('added'), without('removed')]).toEqual([before, after]);
  return found;
}

test('a diff keeps what stayed and marks the rest', () => {
  expect(said(diffLines('a\nb\nc', 'a\nx\nc'))).toEqual(['sa', 'rb', 'ax', 'sc']);
  expect(said(diffLines('', 'a'))).toEqual(['aa']);
  expect(said(diffLines('a', ''))).toEqual(['ra']);
  expect(said(diffLines('', ''))).toEqual([]);
  expect(said(diffLines('a\na', 'a\na\na'))).toEqual(['sa', 'sa', 'aa']);
});

test('of 50,000 lines with one changed, two are marked', () => {
  const before = numbered(50_000);
  const after = before.with(31_000, 'changed');
  expect(changed(holds(before, after))).toEqual(['rline 31000', 'achanged']);
});

test('changes that are far from each other are found among more lines than a number of 16 bits counts', () => {
  const before = numbered(70_000);
  const after = before.with(1, 'first').with(69_998, 'last');
  expect(changed(holds(before, after))).toEqual(['rline 1', 'afirst', 'rline 69998', 'alast']);
});

test('what has nothing in common, or nothing that stands fast, is all marked, however long', () => {
  const [before, after] = [numbered(3_000), numbered(3_000).map((line) => `new ${line}`)];
  expect(changed(holds(before, after))).toHaveLength(6_000);
  const twice = [...before, ...before].reverse();
  holds([...before, ...before], twice);
});

test('lines that have changed places go and come, and the others stay', () => {
  const before = numbered(5_000);
  const moved = ['line 4000', ...before.filter((line) => line !== 'line 4000'), 'one more'];
  expect(changed(holds(before, moved))).toEqual(['aline 4000', 'rline 4000', 'aone more']);
});
