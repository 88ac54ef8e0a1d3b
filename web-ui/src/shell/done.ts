/** What somebody changed last in this browser, so that they can take it back at once. */
let last: number | undefined;
const listeners = new Set<() => void>();

function become(next: number | undefined) {
  last = next;
  for (const tell of listeners) tell();
}

export const done = {
  subscribe(tell: () => void) {
    listeners.add(tell);
    return () => void listeners.delete(tell);
  },
  last: () => last,
  tell: (seq: number) => become(seq),
  forget: () => become(undefined),
};

const DOCUMENTS =
  /^\/api\/v1\/(cohorts|environments|events|flags|freezes|playbooks|releases|schedules|venues)\/[^/]+$/;
const ACTIONS =
  /^\/api\/v1\/(commits|commits\/\d+\/undo|rollback|actions\/(on|off|clear)|flags\/[^/]+\/archive|flags\/[^/]+\/environments\/[^/]+\/(on|off|clear)|change-requests\/[^/]+\/merge|import\/[^/]+)$/;

/**
 * Whether a request makes a commit that can be undone. A kill stays, whatever is undone; a release goes back by its own
 * way; and who has an account or a key is never brought back.
 */
export function isUndoable(method: string, path: string): boolean {
  if (method === 'PUT' || method === 'DELETE') return DOCUMENTS.test(path);
  return method === 'POST' && ACTIONS.test(path);
}
