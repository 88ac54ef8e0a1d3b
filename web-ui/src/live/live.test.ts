import { QueryObserver } from '@tanstack/react-query';
import { expect, test, vi } from 'vitest';
import { makeCache } from '../api/cache';
import type { CommitSummary, Report } from '../api/client';
import { notices } from '../shell/notices';
import { taker } from './live';

const commit = (seq: number): CommitSummary => ({
  seq,
  at: '2026-07-01T12:00:00Z',
  actor: { kind: 'user', id: 'ana', name: 'Ana' },
  message: '',
  changes: [{ kind: 'flag', key: 'seat-map', action: 'updated' }],
});

function listening() {
  const client = makeCache();
  for (const key of [
    ['board', 'production'],
    ['flag', 'seat-map'],
    ['flag', 'gate'],
    ['venues'],
    ['commit', 3],
    ['past', 'rows', 3],
    ['all-flags'],
    ['board-venues', 'production'],
  ])
    client.setQueryData(key, {});
  const take = taker(client);
  const isOld = (...key: unknown[]) => client.getQueryState(key)?.isInvalidated;
  return { client, take, isOld };
}

test('a commit makes old what it changed, and nothing else', () => {
  const { take, isOld } = listening();
  take({ type: 'commit', commit: commit(7) });
  expect([isOld('board', 'production'), isOld('flag', 'seat-map')]).toEqual([true, true]);
  expect([isOld('flag', 'gate'), isOld('venues'), isOld('commit', 3)]).toEqual([false, false, false]);
  expect([isOld('board-venues', 'production'), isOld('past', 'rows', 3)]).toEqual([false, false]);
  take.end();
});

test('after a silence, or when a message was lost, everything but what is past is old', () => {
  for (const missed of [false, true]) {
    const { take, isOld } = listening();
    if (missed) {
      take({ type: 'commit', commit: commit(7) });
      take({ type: 'commit', commit: commit(9) });
    } else take({ type: 'hello', seq: 9, connections: 0 });
    expect([isOld('flag', 'gate'), isOld('venues'), isOld('commit', 3)]).toEqual([true, true, false]);
    expect([isOld('board-venues', 'production'), isOld('past', 'rows', 3)]).toEqual([true, false]);
    take.end();
  }
});

const report = (seq: number): Report => ({
  seq,
  at: '2026-07-01T12:00:00Z',
  message: '',
  connected: 4,
  expected: 4,
  converged: 1,
  left: 0,
  maxMs: 84,
  venues: [],
  laggards: [],
});

test('a commit that is known only by how far it has come was missed; one whose news is late was not', async () => {
  for (const comes of [false, true]) {
    vi.useFakeTimers();
    const { client, take, isOld } = listening();
    take({ type: 'hello', seq: 7, connections: 0 });
    for (const key of [
      ['flag', 'gate'],
      ['commit', 3],
    ])
      client.setQueryData(key, {});
    take({ type: 'convergence', convergence: report(7) });
    await vi.advanceTimersByTimeAsync(10_000);
    take({ type: 'convergence', convergence: report(8) });
    await vi.advanceTimersByTimeAsync(100);
    if (comes) take({ type: 'commit', commit: { ...commit(8), changes: [] } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect([isOld('flag', 'gate'), isOld('commit', 3)], `it comes: ${comes}`).toEqual([!comes, false]);
    take.end();
    vi.useRealTimers();
  }
});

/** A query whose answers come when they are told to, and how often it was asked for. */
function slow(client: ReturnType<typeof makeCache>, queryKey: string[]) {
  const answers: ((data: string) => void)[] = [];
  const queryFn = () => new Promise<string>((resolve) => answers.push(resolve));
  const observer = new QueryObserver(client, { queryKey, queryFn });
  return { answers, observer, fetch: () => client.prefetchQuery({ queryKey, queryFn }) };
}

for (const [what, message] of [
  ['a commit', { type: 'commit', commit: commit(7) }],
  ['a silence', { type: 'hello', seq: 9, connections: 0 }],
] as const) {
  test(`a first answer that was under way when ${what} came is asked for again`, async () => {
    const client = makeCache();
    const take = taker(client);
    const { answers, observer } = slow(client, ['flag', 'seat-map']);
    const end = observer.subscribe(() => undefined);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    take(message);
    answers[0]?.('before');
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.('after');
    await vi.waitFor(() => expect(observer.getCurrentResult().data).toBe('after'));
    expect(client.getQueryState(['flag', 'seat-map'])?.isInvalidated).toBe(false);
    end();
    take.end();
  });

  test(`an answer that nobody waits for any more is old when ${what} came before it`, async () => {
    const client = makeCache();
    const take = taker(client);
    const { answers, fetch } = slow(client, ['flag', 'seat-map']);
    const fetched = fetch();
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    take(message);
    answers[0]?.('before');
    await fetched;
    await vi.waitFor(() => expect(client.getQueryState(['flag', 'seat-map'])?.isInvalidated).toBe(true));
    expect(answers).toHaveLength(1);
    take.end();
  });
}

test('an answer that was under way beside one that is known is asked for again at once', async () => {
  const client = makeCache();
  const take = taker(client);
  client.setQueryData(['flag', 'seat-map'], 'long before', { updatedAt: 1 });
  const { answers, observer } = slow(client, ['flag', 'seat-map']);
  const end = observer.subscribe(() => undefined);
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  take({ type: 'commit', commit: commit(7) });
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.('after');
  answers[0]?.('before');
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toBe('after'));
  expect(answers).toHaveLength(2);
  end();
  take.end();
});

test('what a plan would change, and whom it reaches, hangs on every commit', () => {
  const { client, take, isOld } = listening();
  for (const key of [
    ['restore', {}],
    ['reach', []],
  ])
    client.setQueryData(key, {});
  take({ type: 'commit', commit: { ...commit(7), changes: [] } });
  expect([isOld('restore', {}), isOld('reach', [])]).toEqual([true, true]);
  take.end();
});

test('devices that come and go do not fetch the board each second', async () => {
  vi.useFakeTimers();
  const { client, take } = listening();
  client.setQueryData(['workspace'], { seq: 1, connections: 1 });
  const refetch = vi.spyOn(client, 'invalidateQueries');
  for (let n = 0; n < 9; n++) {
    take({ type: 'connections', total: n, byVenue: [] });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const asked = (key: string) =>
    refetch.mock.calls.filter(([filters]) => filters?.queryKey?.[0] === key).length;
  expect([asked('board-venues'), asked('board')]).toEqual([1, 0]);
  expect(client.getQueryData(['workspace'])).toEqual({ seq: 1, connections: 8 });
  take.end();
  vi.useRealTimers();
});

test('flags to choose from follow edits slowly, and at once what is new', async () => {
  vi.useFakeTimers();
  const { client, take } = listening();
  const refetch = vi.spyOn(client, 'invalidateQueries');
  const asked = () => refetch.mock.calls.filter(([filters]) => filters?.queryKey?.[0] === 'all-flags').length;
  for (let n = 1; n <= 9; n++) {
    take({ type: 'commit', commit: commit(n) });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(asked()).toBe(1);
  const changes = [{ kind: 'flag', key: 'new', action: 'created' }];
  take({ type: 'commit', commit: { ...commit(10), changes } });
  expect(asked()).toBe(2);
  take.end();
  vi.useRealTimers();
});

test('a step of a release makes old what is known of that release, and of no other', () => {
  const { client, take, isOld } = listening();
  for (const key of [['releases'], ['release', 'a'], ['release', 'b'], ['release-status', 'a']])
    client.setQueryData(key, {});
  take({
    type: 'commit',
    commit: { ...commit(7), changes: [{ kind: 'release', key: 'a', action: 'updated' }] },
  });
  expect([isOld('releases'), isOld('release', 'a'), isOld('release-status', 'a')]).toEqual([
    true,
    true,
    true,
  ]);
  expect(isOld('release', 'b')).toBe(false);
  take.end();
});

test('a commit makes old what hangs on it: requests on everything, schedules on their venues and events', () => {
  const { client, take, isOld } = listening();
  for (const key of [['changes', 'open', ''], ['change', 'cr-7'], ['schedules']])
    client.setQueryData(key, {});
  take({ type: 'commit', commit: commit(7) });
  const old = () => [isOld('change', 'cr-7'), isOld('changes', 'open', ''), isOld('schedules')];
  expect(old()).toEqual([true, false, false]);
  take({
    type: 'commit',
    commit: { ...commit(8), changes: [{ kind: 'changeRequest', key: 'cr-7', action: 'updated' }] },
  });
  take({
    type: 'commit',
    commit: { ...commit(9), changes: [{ kind: 'event', key: 'e', action: 'updated' }] },
  });
  expect(old()).toEqual([true, true, true]);
  take.end();
});

test('a look at a release is shown as it is told, and a notice is kept', () => {
  const { client, take } = listening();
  const view = {
    key: 'a',
    status: 'running',
    stage: 1,
    stageName: 'all',
    stages: 1,
    since: '2027-05-01T00:00:00Z',
    lookedAt: '2027-05-01T00:00:02Z',
    decision: 'hold',
    reasons: ['It bakes.'],
    exposures: 3,
    guards: [],
    actsHere: true,
  };
  take({ type: 'release', release: view });
  expect(client.getQueryData(['release-status', 'a'])).toBeUndefined();
  client.setQueryData(['release-status', 'a'], { ...view, exposures: 1, lookedAt: '2027-05-01T00:00:01Z' });
  take({ type: 'release', release: view });
  expect(client.getQueryData(['release-status', 'a'])).toMatchObject({
    exposures: 3,
    past: [{ at: view.lookedAt, guards: [] }],
  });
  take({ type: 'notice', playbook: 'p', by: 'Ana', text: 'Paper' });
  expect(notices.all()[0]).toMatchObject({ playbook: 'p', by: 'Ana', text: 'Paper' });
  take.end();
});
