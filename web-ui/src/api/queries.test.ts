import { afterEach, expect, test, vi } from 'vitest';
import { makeCache } from './cache';
import { api } from './client';
import { queries } from './queries';

afterEach(() => void vi.restoreAllMocks());

test('flags are read to the last page, with what they are searched by on each', async () => {
  const pages = [
    { items: ['a', 'b'], nextCursor: 'b', total: 5 },
    { items: ['c', 'd'], nextCursor: 'd', total: 5 },
    { items: ['e'], nextCursor: null, total: 5 },
  ];
  const asked = vi.spyOn(api, 'GET');
  for (const data of pages)
    asked.mockImplementationOnce((async () => ({ data })) as unknown as typeof api.GET);
  const which = { search: 'seat', owner: 'stewards', tag: null };
  const { items } = await makeCache().fetchQuery(queries.flagsToTheLast(which));
  expect(items).toEqual(['a', 'b', 'c', 'd', 'e']);
  const query = { search: 'seat', owner: 'stewards', tag: undefined, limit: 5000 };
  expect(asked.mock.calls).toEqual(
    [undefined, 'b', 'd'].map((cursor) => ['/api/v1/flags', { params: { query: { ...query, cursor } } }]),
  );
});
