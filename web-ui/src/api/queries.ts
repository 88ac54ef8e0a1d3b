import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ApiError, api, body, type ChangeRequest, type Report } from './client';

/** A session that could not be asked for is asked for again this often; one that has ended is not. */
const SESSION_AGAIN_MS = 3_000;
/** A commit that is still on its way is asked about this often. */
const UNDER_WAY_MS = 1_000;

/** How servers and edges stand is told by none of them to browsers, so it is asked for this often. */
const FLEET_MS = 3_000;

/** An answer that was under way while `/live` told more may replace it: what is not complete is asked again. */
const whileUnderWay = ({ state: { data, error } }: { state: { data?: Report; error: Error | null } }) =>
  error || !data || data.converged + data.left >= data.expected ? false : UNDER_WAY_MS;

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
  flags: (search: string) =>
    queryOptions({
      queryKey: ['flags', search],
      queryFn: () => body(api.GET('/api/v1/flags', { params: { query: { search, limit: 5000 } } })),
      placeholderData: keepPreviousData,
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
  board: (environment: string, search: string, venueSearch: string) =>
    queryOptions({
      queryKey: ['board', environment, search, venueSearch],
      queryFn: () =>
        body(
          api.GET('/api/v1/board', {
            params: { query: { environment, search, venueSearch, limit: 500, venueLimit: 5000 } },
          }),
        ),
      // While a search runs, what it found before; never what another environment has.
      placeholderData: (before) => (before?.environment === environment ? before : undefined),
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
  commit: (seq: number) =>
    queryOptions({
      queryKey: ['commit', seq],
      queryFn: () => body(api.GET('/api/v1/commits/{seq}', { params: { path: { seq } } })),
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
