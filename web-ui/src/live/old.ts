import type { InvalidateQueryFilters, QueryClient } from '@tanstack/react-query';

/**
 * Marks what is known as old, and asks again for what is shown. An answer that is under way may be from before, and the
 * cache waits for it where it knows nothing yet, or where nobody looks: whatever comes of it is old as well.
 */
export async function makeOld(client: QueryClient, filters: InvalidateQueryFilters): Promise<void> {
  const underWay = client.getQueryCache().findAll({ ...filters, fetchStatus: 'fetching' });
  const begun = underWay.map((query) => ({ query, answer: query.promise }));
  const asked = client.invalidateQueries(filters);
  const outlived = begun.filter(({ query, answer }) => answer !== undefined && query.promise === answer);
  const again = outlived.map(async ({ query, answer }) => {
    await Promise.allSettled([answer]);
    await client.invalidateQueries({ predicate: (one) => one === query });
  });
  await Promise.all([asked, ...again]);
}
