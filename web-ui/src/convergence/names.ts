import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queries } from '../api/queries';

/** The name of a venue by its key. */
export function useVenueName(): (key: string) => string {
  const items = useQuery(queries.venues()).data?.items;
  const names = useMemo(() => new Map(items?.map(({ document }) => [document.key, document.name])), [items]);
  return (key) => (key === '' ? 'No venue (backends)' : (names.get(key) ?? key));
}
