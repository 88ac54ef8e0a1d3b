import type { LiveState } from '../live/live';
import { count } from './numbers';

const WORDS = { live: 'Live', connecting: 'Connecting', offline: 'Offline' } as const;
const TONES = { live: 'on', connecting: 'mixed', offline: 'killed' } as const;

/** Whether this page hears from the server, and how many devices do. */
export function LiveBadge({ state, connections }: { state: LiveState; connections?: number }) {
  return (
    <span className="chip" data-tone={TONES[state]} role="status">
      {WORDS[state]}
      {state === 'live' && connections !== undefined && (
        <span className="live-count">· {count(connections)} devices</span>
      )}
    </span>
  );
}
