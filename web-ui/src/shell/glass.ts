import type { Problem } from '../api/client';

/** A change that a freeze forbids, and that waits for somebody to say why it can't wait. */
export type Held = { problem: Partial<Problem>; answer: (reason: string | undefined) => void };

/** Most that a reason may have. */
export const MAX_REASON = 500;

let waiting: readonly Held[] = [];
const listeners = new Set<() => void>();

function become(next: readonly Held[]) {
  waiting = next;
  for (const tell of listeners) tell();
}

/** What waits for an answer, the first before the others. */
export const glass = {
  subscribe(tell: () => void) {
    listeners.add(tell);
    return () => void listeners.delete(tell);
  },
  waiting: () => waiting,
};

/** Asks for the reason to go through a freeze; nothing, when it is left as it is. */
export function askForGlass(problem: Partial<Problem>): Promise<string | undefined> {
  // Without a page that could ask, the refusal stands.
  if (listeners.size === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const held: Held = {
      problem,
      answer: (reason) => {
        become(waiting.filter((one) => one !== held));
        resolve(reason);
      },
    };
    become([...waiting, held]);
  });
}

/** A reason as a header can carry it: letters without their accents. What is left over can't be sent. */
export function asHeader(reason: string): { text: string; problem?: string } {
  const text = reason
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[–—]/g, '-')
    .replace(/ß/g, 'ss')
    .replace(/\s+/g, ' ')
    .trim();
  if (/[^\x20-\x7e]/.test(text)) return { text, problem: 'Please write it in Latin letters.' };
  if (text.length > MAX_REASON) return { text, problem: `Please keep it within ${MAX_REASON} letters.` };
  return { text };
}
