import { expect, test } from 'vitest';
import type { ReleaseView } from '../api/client';
import { pastOf, seenSince } from './past';

const view = (at: string, variant?: number): ReleaseView => ({
  key: 'r',
  status: 'running',
  stage: 1,
  stageName: 'all',
  stages: 1,
  since: '2027-05-01T00:00:00Z',
  lookedAt: at,
  decision: 'hold',
  reasons: [],
  exposures: 0,
  guards: [
    { name: 'g', state: 'well', detail: '', figure: variant === undefined ? null : { variant, sample: 1 } },
  ],
  actsHere: true,
});

test('what is seen live is added to what was before, once', () => {
  const known = { ...view('2027-05-01T00:00:01Z', 1), past: [] };
  const next = seenSince(known, view('2027-05-01T00:00:02Z', 2));
  const again = seenSince(next, view('2027-05-01T00:00:02Z', 2));
  const last = seenSince(again, view('2027-05-01T00:00:03Z'));
  expect(pastOf(last?.past ?? [], 0).map((point) => point.variant)).toEqual([2, undefined]);
  expect(last?.lookedAt).toBe('2027-05-01T00:00:03Z');
});

test('without what was before it has to be asked for', () => {
  expect(seenSince(undefined, view('2027-05-01T00:00:01Z'))).toBeUndefined();
});

test('a page that stays open for days keeps the whole past in little room', () => {
  let known: ReleaseView | undefined = { ...view('2027-05-01T00:00:00Z'), past: [] };
  for (let n = 1; n < 3_000; n++)
    known = seenSince(known, view(new Date(Date.UTC(2027, 4, 1) + n * 1_000).toISOString(), n));
  const past = known?.past ?? [];
  expect(past.length).toBeLessThanOrEqual(480);
  expect(past[0]?.at.startsWith('2027-05-01T00:00')).toBe(true);
});
