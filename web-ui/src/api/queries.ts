import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { type By, SPANS, type Span } from '../evaluations/series';
import type { Reason } from '../stale/words';
import { ApiError, api, body, type ChangeRequest, type Report } from './client';

/** A session that could not be asked for is asked for again this often; one that has ended is not. */
const SESSION_AGAIN_MS = 3_000;
/** A commit that is still on its way is asked about this often. */
const UNDER_WAY_MS = 1_000;

/** Evaluations are told by nobody as they come, so they are asked for this often. */
const EVALUATIONS_MS = 30_000;
/** Stale flags on a page. */
const STALE_PAGE = 100;

/** How servers and edges stand is told by none of them to browsers, so it is asked for this often. */
const FLEET_MS = 3_000;

/** An answer that was under way while `/live` told more may replace it: what is not complete is asked again. */
const whileUnderWay = ({ state: { data, error } }: { state: { data?: Report; error: Error | null } }) =>
  error || !data || data.converged + data.left >= data.expected ? false : UNDER_WAY_MS;

/** Rows of the board that are asked for at a time. */
export const BOARD_PAGE = 25;

/** Which rows of the board: those that a search finds, as of a commit where one is named, at a venue or at all. */
export type BoardQuery = {
  environment: string;
  search: string;
  owner?: string | null;
  tag?: string | null;
  /** Only these, with commas between. */
  flags?: string;
  at?: number;
  offset?: number;
  venue?: string;
  limit?: number;
};

/** Which evaluations of a flag. */
export type EvaluationsQuery = { flag: string; environment: string; by: By; span: Span };

/** Which stale flags; null is any. */
export type StaleQuery = {
  owner: string | null;
  tag: string | null;
  reason: Reason | null;
  environment: string | null;
};

/** Which flags of a list. */
export type FlagsQuery = { search: string; limit: number; owner?: string | null; tag?: string | null };

/** Flags that fit, page by page, however many there are. */
async function everyFlag(which: { search?: string; owner?: string; tag?: string }) {
  const page = (cursor?: string) =>
    body(api.GET('/api/v1/flags', { params: { query: { ...which, limit: 5000, cursor } } }));
  const all = await page();
  for (let { nextCursor } = all; nextCursor; ) {
    const more = await page(nextCursor);
    all.items.push(...more.items);
    nextCursor = more.nextCursor;
  }
  return all;
}

/** All that is read from the server, by key. `/live` marks keys as old when something changes. */
export const queries = {
  session: () =>
    queryOptions({
      queryKey: ['session'],
      queryFn: () => body(api.GET('/api/v1/session')),
      retry: false,
      // Whoever sets up a factor they owe is shown codes once, which stay until they say so.
      refetchOnWindowFocus: ({ state: { data } }) => !data?.owesFactor,
      refetchInterval: ({ state: { error } }) =>
        error && !(error instanceof ApiError && error.isSignedOut) ? SESSION_AGAIN_MS : false,
    }),
  /** How one can sign in. */
  signInMeans: () =>
    queryOptions({
      queryKey: ['sign-in means'],
      queryFn: () => body(api.GET('/api/v1/session/means')),
    }),
  /** Where somebody is signed in: oneself, or the person with this account. */
  sessions: (of?: string) =>
    queryOptions({
      queryKey: ['sessions', of ?? ''],
      queryFn: () =>
        of
          ? body(api.GET('/api/v1/users/{key}/sessions', { params: { path: { key: of } } }))
          : body(api.GET('/api/v1/sessions')),
      // Nobody tells of sessions that come and go.
      staleTime: 0,
    }),
  workspace: () =>
    queryOptions({ queryKey: ['workspace'], queryFn: () => body(api.GET('/api/v1/workspace')) }),
  flags: ({ search, limit, owner, tag }: FlagsQuery) =>
    queryOptions({
      queryKey: ['flags', search, limit, owner, tag],
      queryFn: () =>
        body(
          api.GET('/api/v1/flags', {
            params: { query: { search, limit, owner: owner ?? undefined, tag: tag ?? undefined } },
          }),
        ),
      placeholderData: keepPreviousData,
    }),
  /** Owners and tags of flags, to choose from. */
  flagLabels: () =>
    queryOptions({ queryKey: ['flags', 'labels'], queryFn: () => body(api.GET('/api/v1/flag-labels')) }),
  /** How often a flag was evaluated. */
  evaluations: ({ flag, environment, by, span }: EvaluationsQuery) =>
    queryOptions({
      queryKey: ['evaluations', flag, environment, by, span],
      queryFn: () => {
        const { hours, step } = SPANS[span];
        const from = new Date(Date.now() - hours * 3_600_000).toISOString();
        return body(
          api.GET('/api/v1/flags/{key}/evaluations', {
            params: { path: { key: flag }, query: { environment, from, by, step } },
          }),
        );
      },
      staleTime: 0,
      refetchInterval: EVALUATIONS_MS,
    }),
  /** Where code names a flag. */
  flagReferences: (flag: string) =>
    queryOptions({
      queryKey: ['flag-references', flag],
      queryFn: () => body(api.GET('/api/v1/flags/{key}/references', { params: { path: { key: flag } } })),
      // Nobody tells when a repository is looked through again.
      staleTime: 0,
    }),
  /** Flags that have had their day, page by page. */
  staleFlags: ({ owner, tag, reason, environment }: StaleQuery) =>
    infiniteQueryOptions({
      queryKey: ['stale-flags', owner, tag, reason, environment],
      queryFn: ({ pageParam: cursor }) =>
        body(
          api.GET('/api/v1/stale-flags', {
            params: {
              query: {
                owner: owner ?? undefined,
                tag: tag ?? undefined,
                reason: reason ?? undefined,
                environment: environment ?? undefined,
                limit: STALE_PAGE,
                cursor,
              },
            },
          }),
        ),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
      placeholderData: keepPreviousData,
      staleTime: 0,
    }),
  /** All there are, to choose from: megabytes, where there are thousands, so they follow what changes slowly. */
  allFlags: () =>
    queryOptions({
      queryKey: ['all-flags'],
      queryFn: () => everyFlag({}),
    }),
  /** All that a list would show if it were long enough. */
  flagsToTheLast: ({ search, owner, tag }: Omit<FlagsQuery, 'limit'>) =>
    queryOptions({
      queryKey: ['flags', 'to the last', search, owner, tag],
      queryFn: () => everyFlag({ search, owner: owner ?? undefined, tag: tag ?? undefined }),
      // Thousands of documents, wanted once.
      gcTime: 0,
    }),
  flag: (key: string) =>
    queryOptions({
      queryKey: ['flag', key],
      queryFn: async () => {
        const { data, response } = await api.GET('/api/v1/flags/{key}', { params: { path: { key } } });
        if (!data) throw new Error('The server gave an empty answer.');
        return { flag: data, version: response.headers.get('etag') ?? '' };
      },
    }),
  venues: () =>
    queryOptions({
      queryKey: ['venues'],
      queryFn: () => body(api.GET('/api/v1/venues', { params: { query: { limit: 5000 } } })),
    }),
  cohorts: () =>
    queryOptions({
      queryKey: ['cohorts'],
      queryFn: () => body(api.GET('/api/v1/cohorts', { params: { query: { limit: 5000 } } })),
    }),
  releases: () =>
    queryOptions({
      queryKey: ['releases'],
      queryFn: () => body(api.GET('/api/v1/releases', { params: { query: { limit: 5000 } } })),
    }),
  release: (key: string) =>
    queryOptions({
      queryKey: ['release', key],
      queryFn: async () => {
        const { data, response } = await api.GET('/api/v1/releases/{key}', { params: { path: { key } } });
        if (!data) throw new Error('The server gave an empty answer.');
        return { release: data, version: response.headers.get('etag') ?? '' };
      },
    }),
  /** What was seen at the last look, and before; only of a release that is watched. */
  releaseStatus: (key: string) =>
    queryOptions({
      queryKey: ['release-status', key],
      queryFn: () => body(api.GET('/api/v1/releases/{key}/status', { params: { path: { key } } })),
    }),
  preflight: (key: string) =>
    queryOptions({
      queryKey: ['preflight', key],
      queryFn: () => body(api.GET('/api/v1/releases/{key}/preflight', { params: { path: { key } } })),
      // What is looked at, devices and clocks too, changes all the time.
      staleTime: 0,
    }),
  playbooks: () =>
    queryOptions({
      queryKey: ['playbooks'],
      queryFn: () => body(api.GET('/api/v1/playbooks', { params: { query: { limit: 5000 } } })),
    }),
  /** Change requests that are to be decided, each with what it lacks. */
  openChanges: () =>
    queryOptions({
      queryKey: ['changes', 'open', ''],
      queryFn: () =>
        body(api.GET('/api/v1/change-requests', { params: { query: { status: 'open', limit: 5000 } } })),
    }),
  changes: (status: ChangeRequest['status'], search: string) =>
    queryOptions({
      queryKey: ['changes', status, search],
      queryFn: () =>
        body(api.GET('/api/v1/change-requests', { params: { query: { status, search, limit: 5000 } } })),
      placeholderData: keepPreviousData,
    }),
  /** One as it stands now, with its difference, its reach and what has moved. */
  change: (key: string) =>
    queryOptions({
      queryKey: ['change', key],
      queryFn: () => body(api.GET('/api/v1/change-requests/{key}', { params: { path: { key } } })),
    }),
  schedules: () =>
    queryOptions({
      queryKey: ['schedules'],
      queryFn: () => body(api.GET('/api/v1/schedules', { params: { query: { limit: 5000 } } })),
    }),
  events: () =>
    queryOptions({
      queryKey: ['events'],
      queryFn: () => body(api.GET('/api/v1/events', { params: { query: { limit: 5000 } } })),
    }),
  freezes: () =>
    queryOptions({
      queryKey: ['freezes'],
      queryFn: () => body(api.GET('/api/v1/freezes', { params: { query: { limit: 5000 } } })),
    }),
  environments: () =>
    queryOptions({
      queryKey: ['environments'],
      queryFn: () => body(api.GET('/api/v1/environments', { params: { query: { limit: 5000 } } })),
    }),
  keys: () => queryOptions({ queryKey: ['keys'], queryFn: () => body(api.GET('/api/v1/keys')) }),
  people: () => queryOptions({ queryKey: ['people'], queryFn: () => body(api.GET('/api/v1/users')) }),
  /** What the venues of the board are; as of a commit, where one is named. */
  boardVenues: (environment: string, at?: number) =>
    queryOptions({
      queryKey: [at === undefined ? 'board-venues' : 'past', 'venues', environment, at ?? 'now'],
      queryFn: ({ signal }) =>
        body(
          api.GET('/api/v1/board', {
            params: { query: { environment, limit: 0, venueLimit: 5000, at: at?.toString() } },
            signal,
          }),
        ),
      ...(at !== undefined && { staleTime: Number.POSITIVE_INFINITY }),
      placeholderData: (before) => (before?.environment === environment ? before : undefined),
    }),
  /** A page of the board's rows, without what the venues are: those hardly change. */
  boardRows: ({
    environment,
    search,
    owner,
    tag,
    flags,
    at,
    offset = 0,
    venue,
    limit = BOARD_PAGE,
  }: BoardQuery) =>
    queryOptions({
      queryKey: [
        at === undefined ? 'board' : 'past',
        'rows',
        environment,
        search,
        at ?? 'now',
        offset,
        venue,
        owner ?? '',
        tag ?? '',
        flags ?? null,
      ],
      queryFn: ({ signal }) =>
        body(
          api.GET('/api/v1/board', {
            params: {
              query: {
                environment,
                search: search || undefined,
                owner: owner ?? undefined,
                tag: tag ?? undefined,
                flags,
                venues: venue,
                at: at?.toString(),
                offset,
                limit,
                venueLimit: 5000,
                venueHeads: false,
              },
            },
            // Whoever scrolls on does not wait for what was passed.
            signal,
          }),
        ),
      ...(at !== undefined && { staleTime: Number.POSITIVE_INFINITY }),
      // Thousands of cells a page: those that were scrolled away are not kept for long.
      gcTime: 60_000,
      // While a search runs, what it found before; never what another environment has, or another venue.
      placeholderData: (before, query) =>
        offset === 0 &&
        flags === undefined &&
        before?.environment === environment &&
        query?.queryKey[6] === venue
          ? before
          : undefined,
    }),
  convergence: () =>
    queryOptions({
      queryKey: ['convergence'],
      queryFn: () => body(api.GET('/api/v1/convergence')),
      retry: false,
      refetchInterval: whileUnderWay,
    }),
  /** How far one commit has come, whatever came after it. */
  convergenceOf: (seq: number) =>
    queryOptions({
      queryKey: ['convergence-of', seq],
      queryFn: () => body(api.GET('/api/v1/convergence', { params: { query: { seq } } })),
      retry: false,
      refetchInterval: whileUnderWay,
    }),
  connections: () =>
    queryOptions({ queryKey: ['connections'], queryFn: () => body(api.GET('/api/v1/connections')) }),
  connectionsIn: (environment: string) =>
    queryOptions({
      queryKey: ['connections', environment],
      queryFn: () => body(api.GET('/api/v1/connections', { params: { query: { environment } } })),
      placeholderData: keepPreviousData,
    }),
  /** Servers and edges, and how they stand. */
  fleet: () =>
    queryOptions({
      queryKey: ['fleet'],
      queryFn: () => body(api.GET('/api/v1/fleet')),
      refetchInterval: FLEET_MS,
    }),
  /** The last commit of a flag. */
  lastCommit: (flag: string) =>
    queryOptions({
      queryKey: ['history', 'last', flag],
      queryFn: () => body(api.GET('/api/v1/commits', { params: { query: { limit: 1, flag } } })),
    }),
  /** The history page by page, newest first. A page can be empty and yet not be the last: searching has its limit. */
  pages: (flag: string, venue: string) =>
    infiniteQueryOptions({
      queryKey: ['history', 'pages', flag, venue],
      queryFn: ({ pageParam: before }) =>
        body(
          api.GET('/api/v1/commits', {
            params: { query: { limit: 50, flag: flag || undefined, venue: venue || undefined, before } },
          }),
        ),
      initialPageParam: undefined as number | undefined,
      getNextPageParam: ({ nextBefore }) => nextBefore ?? undefined,
      placeholderData: keepPreviousData,
    }),
  /** Who made a commit, when and why, without the documents. */
  commitHead: (seq: number) =>
    queryOptions({
      queryKey: ['past', 'commit-head', seq],
      queryFn: async ({ signal }) => {
        const query = { limit: 1, before: seq + 1 };
        const { items } = await body(api.GET('/api/v1/commits', { params: { query }, signal }));
        return items[0] ?? null;
      },
      staleTime: Number.POSITIVE_INFINITY,
    }),
  commit: (seq: number) =>
    queryOptions({
      queryKey: ['commit', seq],
      queryFn: () => body(api.GET('/api/v1/commits/{seq}', { params: { path: { seq } } })),
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
