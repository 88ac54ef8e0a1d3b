import { some } from '../shell/numbers';

/** Why a flag has had its day, in a word. */
export const REASONS = {
  expired: 'Past its day',
  neverEvaluated: 'Nobody asks',
  sameAnswer: 'Always the same',
} as const;

export type Reason = keyof typeof REASONS;

export function reasonWord({ reason }: { reason: string }): string {
  return REASONS[reason as Reason] ?? reason;
}

/** How much code still names it. */
export function inCode(references: number | null | undefined): string {
  if (references === null || references === undefined) return 'Not looked for';
  return references === 0 ? 'Nowhere' : some(references, 'place');
}
