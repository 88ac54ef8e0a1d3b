import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, body } from './client';

/** All that is read from the server, by key. `/live` marks keys as old when something changes. */
export const queries = {
  session: () =>
    queryOptions({ queryKey: ['session'], queryFn: () => body(api.GET('/api/v1/session')), retry: false }),
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
      placeholderData: keepPreviousData,
    }),
  convergence: () =>
    queryOptions({
      queryKey: ['convergence'],
      queryFn: () => body(api.GET('/api/v1/convergence')),
      retry: false,
    }),
  connections: () =>
    queryOptions({ queryKey: ['connections'], queryFn: () => body(api.GET('/api/v1/connections')) }),
  history: (flag: string, venue: string) =>
    queryOptions({
      queryKey: ['history', flag, venue],
      queryFn: () =>
        body(
          api.GET('/api/v1/commits', {
            params: { query: { limit: 100, flag: flag || undefined, venue: venue || undefined } },
          }),
        ),
      placeholderData: keepPreviousData,
    }),
  commit: (seq: number) =>
    queryOptions({
      queryKey: ['commit', seq],
      queryFn: () => body(api.GET('/api/v1/commits/{seq}', { params: { path: { seq } } })),
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
