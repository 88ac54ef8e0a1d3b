import type { LiveState } from '../live/live';
import { count } from './numbers';

const WORDS = { live: 'Live', connecting: 'Connecting', offline: 'Offline' } as const;
const TONES = { live: 'on', connecting: 'mixed', offline: 'killed' } as const;

/** Whether this page hears from the server, and how many devices do. Only the first is announced. */
export function LiveBadge({ state, connections }: { state: LiveState; connections?: number }) {
  return (
    <span className="chip" data-tone={TONES[state]}>
      <span role="status">{WORDS[state]}</span>
      {state === 'live' && connections !== undefined && (
        <span className="live-count">· {count(connections)} devices</span>
      )}
    </span>
  );
}

/** Says that what is shown may be old. */
export function OfflineNote({ state }: { state: LiveState }) {
  if (state !== 'offline') return null;
  return (
    <p className="offline-note">
      The server can’t be reached: what you see may be old. It is tried again by itself; what you have typed
      stays.
    </p>
  );
}
