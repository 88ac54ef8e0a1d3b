/** What everybody is told: by a playbook that somebody ran, or of what the server did, or could not do, by itself. */
export type Notice = {
  id: string;
  playbook?: string;
  schedule?: string;
  changeRequest?: string;
  by: string;
  text: string;
  at: string;
};

/** Where a notice comes from. */
export function noticeWords({ playbook, schedule, changeRequest, by }: Notice): string {
  if (schedule !== undefined) return `By the schedule ${schedule}, which ${by} wrote`;
  if (changeRequest !== undefined) return `By the change request ${changeRequest}, which ${by} opened`;
  return `${by} ran the playbook ${playbook}`;
}

const KEY = 'usher.notices';
/** Kept and shown at a time; the history has them all. */
const MOST = 10;

let known: readonly Notice[] = read();
const listeners = new Set<() => void>();

function read(): readonly Notice[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(stored) ? (stored as Notice[]) : [];
  } catch {
    return [];
  }
}

function become(next: readonly Notice[]) {
  known = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(known));
  } catch {
    // A browser that keeps nothing shows them until the page is loaded anew.
  }
  for (const tell of listeners) tell();
}

/** Notices that nobody has put away yet, the newest first. They outlive the page. */
export const notices = {
  subscribe(tell: () => void) {
    listeners.add(tell);
    return () => void listeners.delete(tell);
  },
  all: () => known,
  add: (told: Omit<Notice, 'id' | 'at'>) => {
    const at = new Date().toISOString();
    const { playbook, schedule, changeRequest, by, text } = told;
    become(
      [{ playbook, schedule, changeRequest, by, text, at, id: `${at} ${Math.random()}` }, ...known].slice(
        0,
        MOST,
      ),
    );
  },
  putAway: (id: string) => become(known.filter((one) => one.id !== id)),
};
