import { expect, test } from 'vitest';
import type { Schedule } from '../api/client';
import { inOrder, scheduleWord } from './words';

type Result = NonNullable<Schedule['outcome']>['result'];
const schedule = (key: string, result?: Result, at = '2027-05-15T17:00:00Z'): Schedule => ({
  key,
  at: '2027-05-15T17:00:00Z',
  plays: [{ notice: { text: 'Doors' } }],
  ...(result ? { outcome: { result, at, due: at } } : {}),
});

test('how it stands with a schedule is a word', () => {
  const due = { at: '2027-05-15T17:00:00Z' };
  expect(
    [
      scheduleWord(schedule('a'), due),
      scheduleWord(schedule('a'), undefined),
      scheduleWord(schedule('a', 'done'), due),
      scheduleWord(schedule('a', 'missed'), due),
      scheduleWord(schedule('a', 'refused'), due),
      scheduleWord(schedule('a', 'failed'), due),
    ].map(({ word }) => word),
  ).toEqual(['To come', 'No time known', 'Done', 'Missed', 'Frozen', 'Failed']);
});

test('what is to come stands by its time, and what is over by when that was', () => {
  const { coming, over } = inOrder([
    { document: schedule('unknown') },
    { document: schedule('later'), due: { at: '2027-05-16T17:00:00Z' } },
    { document: schedule('old', 'done', '2027-05-01T17:00:00Z') },
    { document: schedule('soon'), due: { at: '2027-05-15T17:00:00Z' } },
    { document: schedule('new', 'missed', '2027-05-02T17:00:00Z') },
  ]);
  const keys = (items: { document: Schedule }[]) => items.map(({ document }) => document.key);
  expect([keys(coming), keys(over)]).toEqual([
    ['soon', 'later', 'unknown'],
    ['new', 'old'],
  ]);
});
