import { Button } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { notices, noticeWords } from './notices';
import { plainly } from './plainly';
import { Time } from './Time';

/** What somebody told everybody: it stays, on every screen, until it is put away. */
export function Notices() {
  const all = useSyncExternalStore(notices.subscribe, notices.all);
  return (
    <section aria-label="Notices" aria-live="polite">
      {all.map((one) => (
        <div key={one.id} className="notice-banner">
          <div style={{ minWidth: 0 }}>
            <p style={{ margin: 0, fontWeight: 650, overflowWrap: 'anywhere' }}>{plainly(one.text)}</p>
            <p style={{ margin: 0, fontSize: 13 }}>
              {noticeWords(one)}, <Time at={one.at} />
            </p>
          </div>
          <Button
            size="xs"
            variant="default"
            aria-label={`Put away: ${one.text}`}
            onClick={() => notices.putAway(one.id)}
          >
            Put away
          </Button>
        </div>
      ))}
    </section>
  );
}
