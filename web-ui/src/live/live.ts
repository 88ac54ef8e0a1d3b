import type { QueryClient } from '@tanstack/react-query';
import type { CommitSummary, Report } from '../api/client';

export type LiveState = 'connecting' | 'live' | 'offline';

type Message =
  | { type: 'hello'; seq: number; connections: number }
  | { type: 'commit'; commit: CommitSummary }
  | { type: 'convergence'; convergence: Report }
  | { type: 'connections'; total: number; byVenue: { venue: string; count: number }[] }
  | { type: 'ping' };

/** Silence for longer is a dead link: the server pings every 15 s. */
const SILENCE_MS = 35_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Follows `/live` and keeps the query cache true. Reconnects with full jitter. */
export function follow(client: QueryClient, tell: (state: LiveState) => void): () => void {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let ended = false;

  const watchSilence = () => {
    clearTimeout(timer);
    timer = setTimeout(() => socket?.close(), SILENCE_MS);
  };

  const connect = () => {
    if (ended) return;
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/live`);
    socket.onmessage = (event) => {
      watchSilence();
      take(client, JSON.parse(String(event.data)) as Message);
      failures = 0;
      tell('live');
    };
    socket.onclose = () => {
      clearTimeout(timer);
      if (ended) return;
      tell(failures === 0 ? 'connecting' : 'offline');
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
      failures += 1;
      timer = setTimeout(connect, Math.random() * longest);
    };
  };
  connect();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.close();
  };
}

/** What a message changes of what is known. */
export function take(client: QueryClient, message: Message) {
  const old = (...keys: string[]) => {
    for (const key of keys) void client.invalidateQueries({ queryKey: [key] });
  };
  switch (message.type) {
    case 'hello':
      // Whatever happened while nobody listened.
      old('workspace', 'flags', 'flag', 'board', 'history', 'convergence', 'connections');
      break;
    case 'commit': {
      old('workspace', 'flags', 'board', 'history');
      const kinds = new Set(message.commit.changes.map((change) => change.kind));
      for (const change of message.commit.changes.filter((one) => one.kind === 'flag').slice(0, 100)) {
        void client.invalidateQueries({ queryKey: ['flag', change.key] });
      }
      if (kinds.has('venue')) old('venues');
      if (kinds.has('cohort')) old('cohorts');
      if (kinds.has('key')) old('keys');
      if (kinds.has('user')) old('people', 'session');
      break;
    }
    case 'convergence':
      client.setQueryData(['convergence'], message.convergence);
      break;
    case 'connections':
      old('connections', 'board', 'workspace');
      break;
    case 'ping':
      break;
  }
}
