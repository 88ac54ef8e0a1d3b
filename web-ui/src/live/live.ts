import type { QueryClient } from '@tanstack/react-query';
import type { CommitSummary, ReleaseView, Report, Workspace } from '../api/client';
import type { AppCount } from '../board/apps';
import { seenSince } from '../releases/past';
import { renewInTime } from '../session/renew';
import { notices } from '../shell/notices';
import { makeOld } from './old';
import { spaced } from './spaced';

export type LiveState = 'connecting' | 'live' | 'offline';

export type Message =
  | { type: 'hello'; seq: number; connections: number }
  | { type: 'commit'; commit: CommitSummary }
  | { type: 'convergence'; convergence: Report }
  | { type: 'connections'; total: number; byVenue: { venue: string; count: number }[]; apps?: AppCount[] }
  | { type: 'release'; release: ReleaseView }
  | { type: 'notice'; playbook?: string; schedule?: string; changeRequest?: string; by: string; text: string }
  | { type: 'ping' };

/** Silence for longer is a dead link: the server pings every 15 s. */
const SILENCE_MS = 35_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** What is large and changes all the time follows this slowly: devices at the board's venues, flags to choose from. */
const SLOWLY_MS = 10_000;
/** News of a commit comes at most this long after devices have had it; it is lost otherwise. */
const LATE_MS = 2_000;
/** A commit of more flags than this marks all of them as old. */
const MOST_FLAGS = 100;

/** Follows `/live` and keeps the query cache true. Reconnects with full jitter. */
export function follow(client: QueryClient, tell: (state: LiveState) => void): () => void {
  const take = taker(client);
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let ended = false;

  const watchSilence = () => {
    clearTimeout(timer);
    timer = setTimeout(() => socket?.close(), SILENCE_MS);
  };

  // A socket whose token has expired is refused, and does not say why.
  const connect = () => {
    const renewal = renewInTime();
    if (renewal) void renewal.then(open);
    else open();
  };
  const open = () => {
    if (ended) return;
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/live`);
    socket.onmessage = (event) => {
      watchSilence();
      take(JSON.parse(String(event.data)) as Message);
      failures = 0;
      tell('live');
    };
    socket.onclose = () => {
      clearTimeout(timer);
      if (ended) return;
      tell(failures === 0 ? 'connecting' : 'offline');
      // A refused socket does not say why; if it is the session that has ended, this finds out.
      if (failures > 0) void client.invalidateQueries({ queryKey: ['session'] }, { cancelRefetch: false });
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
      failures += 1;
      timer = setTimeout(() => {
        timer = undefined;
        connect();
      }, Math.random() * longest);
    };
  };
  // The network is back: no reason to wait for the next try.
  const hurry = () => {
    if (socket?.readyState !== WebSocket.CLOSED || timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    connect();
  };
  addEventListener('online', hurry);
  connect();
  return () => {
    ended = true;
    removeEventListener('online', hurry);
    clearTimeout(timer);
    take.end();
    socket?.close();
  };
}

/** What messages change of what is known. */
export function taker(client: QueryClient) {
  const refetch = (key: string) => makeOld(client, { queryKey: JSON.parse(key) });
  const { mark, reset } = spaced(refetch);
  const slow = spaced(refetch, SLOWLY_MS);
  const old = (...keys: string[]) => {
    for (const key of keys) mark(JSON.stringify([key]));
  };
  let last: number | undefined;
  let late: ReturnType<typeof setTimeout> | undefined;

  // Whatever happened while nobody listened. What is past never changes.
  const all = () => {
    reset();
    void makeOld(client, {
      predicate: ({ queryKey }) => !['commit', 'past'].includes(String(queryKey[0])),
    });
  };
  const commit = ({ seq, changes }: CommitSummary) => {
    const missed = last !== undefined && seq > last + 1;
    last = seq;
    // A browser that is too slow for the server's messages loses some.
    if (missed) return all();
    // What a request would do, and lacks, hangs on everything else; so do reach, and what going back changes.
    old('workspace', 'flags', 'board', 'history', 'change', 'reach', 'restore');
    const kinds = new Set(changes.map((change) => change.kind));
    const flags = changes.filter((change) => change.kind === 'flag');
    if (flags.length > 0) slow.mark(JSON.stringify(['stale-flags']));
    if (flags.some(({ action }) => action !== 'updated')) old('all-flags');
    else if (flags.length > 0) slow.mark(JSON.stringify(['all-flags']));
    if (flags.length > MOST_FLAGS) old('flag');
    else for (const flag of flags) mark(JSON.stringify(['flag', flag.key]));
    for (const { kind, key } of changes)
      if (kind === 'release')
        for (const what of ['release', 'release-status', 'preflight']) mark(JSON.stringify([what, key]));
    if (kinds.has('release')) old('releases');
    if (kinds.has('playbook')) old('playbooks');
    if (kinds.has('event')) old('events', 'preflight');
    if (kinds.has('freeze')) old('freezes', 'preflight');
    if (kinds.has('changeRequest')) old('changes');
    // When a schedule is due hangs on its venue or its event.
    if (['schedule', 'event', 'venue'].some((kind) => kinds.has(kind))) old('schedules');
    if (kinds.has('environment')) old('environments', 'changes');
    if (kinds.has('venue')) old('venues', 'board-venues');
    if (kinds.has('cohort')) old('cohorts');
    if (kinds.has('key')) old('keys');
    if (kinds.has('user')) old('people', 'session', 'sessions', 'changes');
  };

  // A browser that lost the news of a commit hears how far it has come all the same.
  const expect = (seq: number) => {
    if (last === undefined || seq <= last || late !== undefined) return;
    late = setTimeout(() => {
      late = undefined;
      if (last === undefined || seq <= last) return;
      last = seq;
      all();
    }, LATE_MS);
  };

  const take = (message: Message) => {
    switch (message.type) {
      case 'hello':
        last = message.seq;
        all();
        break;
      case 'commit':
        commit(message.commit);
        break;
      case 'convergence':
        client.setQueryData(['convergence'], message.convergence);
        expect(message.convergence.seq);
        break;
      case 'connections':
        client.setQueryData<Workspace>(
          ['workspace'],
          (known) => known && { ...known, connections: message.total },
        );
        old('connections');
        slow.mark(JSON.stringify(['board-venues']));
        break;
      case 'release':
        client.setQueryData<ReleaseView>(['release-status', message.release.key], (known) =>
          seenSince(known, message.release),
        );
        break;
      case 'notice':
        notices.add(message);
        break;
      case 'ping':
        break;
    }
  };
  take.end = () => {
    clearTimeout(late);
    reset();
    slow.reset();
  };
  return take;
}
