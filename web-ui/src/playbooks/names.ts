import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import type { Names } from './words';

/** What plays are about, as people know it. */
export function useNames(): Names {
  const venue = useVenueName();
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  const named = (items: { document: { key: string; name?: string } }[]) => (key: string) =>
    items.find(({ document }) => document.key === key)?.document.name || key;
  return { venue, flag: named(flags), cohort: named(cohorts) };
}
