import type { Due, Schedule } from '../api/client';

type Tone = 'on' | 'off' | 'mixed' | 'killed';

const ENDED: Record<NonNullable<Schedule['outcome']>['result'], { word: string; tone: Tone }> = {
  done: { word: 'Done', tone: 'on' },
  missed: { word: 'Missed', tone: 'mixed' },
  refused: { word: 'Frozen', tone: 'mixed' },
  failed: { word: 'Failed', tone: 'killed' },
};

/** How it stands with a schedule, in a word. */
export function scheduleWord(
  { outcome }: Schedule,
  due: Due | null | undefined,
): { word: string; tone: Tone } {
  if (outcome) return ENDED[outcome.result];
  return due ? { word: 'To come', tone: 'off' } : { word: 'No time known', tone: 'mixed' };
}

type Listed = { document: Schedule; due?: Due | null };

/** What is to come, the soonest first; then what is over, the newest first. */
export function inOrder<T extends Listed>(items: readonly T[]): { coming: T[]; over: T[] } {
  const at = ({ due }: T) => (due ? Date.parse(due.at) : Number.POSITIVE_INFINITY);
  const ended = ({ document }: T) => Date.parse(document.outcome?.at ?? '') || 0;
  return {
    coming: items.filter(({ document }) => !document.outcome).sort((a, b) => at(a) - at(b)),
    over: items.filter(({ document }) => document.outcome).sort((a, b) => ended(b) - ended(a)),
  };
}
