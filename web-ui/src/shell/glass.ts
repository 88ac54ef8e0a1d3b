import type { Problem } from '../api/client';
import type { Wish } from './wish';

/** How a change goes on that something forbids: at once, with a reason, or as a change request. */
export type Answer = { reason: string } | { asked: string };

/** A change that a freeze forbids, or that somebody else has to look at; it waits for whoever wants it to say more. */
export type Held = {
  /** Tells it from all others: what is typed about one is not sent for the next. */
  id: number;
  problem: Partial<Problem>;
  /** What would change, where it can be asked for. */
  wish: Wish | undefined;
  answer: (answer: Answer | undefined) => void;
};

/** Most that a reason may have. */
export const MAX_REASON = 500;

let waiting: readonly Held[] = [];
let ids = 0;
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

/** Asks how to go on with what was refused; nothing, when it is left as it is. */
export function askForGlass(problem: Partial<Problem>, wish?: Wish): Promise<Answer | undefined> {
  // Without a page that could ask, the refusal stands.
  if (listeners.size === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    ids += 1;
    const held: Held = {
      id: ids,
      problem,
      wish,
      answer: (answer) => {
        become(waiting.filter((one) => one !== held));
        resolve(answer);
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
