export type DiffLine = { kind: 'same' | 'added' | 'removed'; line: string };

/** Cells of the table that is made of two stretches of lines, at most: 8 MB, and some milliseconds. */
const MOST_CELLS = 4_000_000;

/**
 * Lines of two texts, each with whether it stayed, came or went. What both begin and end with is set aside; what is
 * left is compared line by line, where it is not too much. Where it is, lines that are in both just once stand fast
 * (patience diff), and what lies between them is compared the same way; without any, all of it went and came.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const found: DiffLine[] = [];
  compare(before ? before.split('\n') : [], after ? after.split('\n') : [], found);
  return found;
}

function compare(before: string[], after: string[], found: DiffLine[]) {
  const shorter = Math.min(before.length, after.length);
  let begin = 0;
  while (begin < shorter && before[begin] === after[begin]) begin++;
  let end = 0;
  while (end < shorter - begin && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const [a, b] = [before.slice(begin, before.length - end), after.slice(begin, after.length - end)];
  say('same', before.slice(0, begin), found);
  if (a.length * b.length <= MOST_CELLS) byTable(a, b, found);
  else byAnchors(a, b, found);
  say('same', before.slice(before.length - end), found);
}

function say(kind: DiffLine['kind'], lines: string[], found: DiffLine[]) {
  for (const line of lines) found.push({ kind, line });
}

/** By the longest common subsequence. No table is so large that a length does not fit. */
function byTable(a: string[], b: string[], found: DiffLine[]) {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => table[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = table[i];
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: 'same', line: a[i] ?? '' });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      found.push({ kind: 'removed', line: a[i++] ?? '' });
    } else {
      found.push({ kind: 'added', line: b[j++] ?? '' });
    }
  }
}

function byAnchors(a: string[], b: string[], found: DiffLine[]) {
  const anchors = rising(inBothOnce(a, b));
  if (anchors.length === 0) {
    say('removed', a, found);
    say('added', b, found);
    return;
  }
  let [i, j] = [0, 0];
  for (const [inA, inB] of anchors) {
    compare(a.slice(i, inA), b.slice(j, inB), found);
    found.push({ kind: 'same', line: a[inA] ?? '' });
    [i, j] = [inA + 1, inB + 1];
  }
  compare(a.slice(i), b.slice(j), found);
}

/** Where lines stand in both that are there once only, in the order of the first. */
function inBothOnce(a: string[], b: string[]): [number, number][] {
  const [ownPlaces, otherPlaces] = [placesOf(a), placesOf(b)];
  return [...ownPlaces].flatMap(([line, own]) => {
    const other = otherPlaces.get(line);
    return own === undefined || other === undefined ? [] : [[own, other] as [number, number]];
  });
}

/** The place of each line, and none for one that is there again. */
function placesOf(lines: string[]): Map<string, number | undefined> {
  const places = new Map<string, number | undefined>();
  lines.forEach((line, n) => {
    places.set(line, places.has(line) ? undefined : n);
  });
  return places;
}

/** As many pairs as can be kept so that both numbers rise (patience sorting). */
function rising(pairs: [number, number][]): [number, number][] {
  type Kept = { pair: [number, number]; before: Kept | undefined };
  const piles: Kept[] = [];
  for (const pair of pairs) {
    let [low, high] = [0, piles.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((piles[middle]?.pair[1] ?? 0) < pair[1]) low = middle + 1;
      else high = middle;
    }
    piles[low] = { pair, before: piles[low - 1] };
  }
  const kept: [number, number][] = [];
  for (let last = piles.at(-1); last; last = last.before) kept.push(last.pair);
  return kept.reverse();
}
