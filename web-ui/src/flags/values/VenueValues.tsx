import { MultiSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { queries } from '../../api/queries';
import { BELOW } from '../../shell/fields';
import { shown, typed } from '../conditions';
import type { ValuesProps } from './Values';

/** Venues by their names; a value that is no venue is shown as it is. */
export function VenueValues({ op, values, change }: ValuesProps) {
  const venues = useQuery(queries.venues()).data?.items;
  const [search, setSearch] = useState('');
  const data = useMemo(() => {
    const names = new Map<string, number>();
    for (const { document } of venues ?? []) names.set(document.name, (names.get(document.name) ?? 0) + 1);
    return (venues ?? []).map(({ document: { key, name } }) => ({
      value: shown(op, [key])[0] ?? key,
      label: (names.get(name) ?? 0) > 1 ? `${name} (${key})` : name,
    }));
  }, [venues, op]);
  const wanted = search.trim().toLowerCase();
  const finds = !wanted || data.some(({ label }) => label.toLowerCase().includes(wanted));
  return (
    <MultiSelect
      aria-label="Values"
      placeholder="Search venues"
      searchable
      limit={50}
      searchValue={search}
      onSearchChange={setSearch}
      description={<span role="status">{venues && !finds ? 'No venue fits.' : ''}</span>}
      inputWrapperOrder={BELOW}
      data={data}
      value={shown(op, values)}
      onChange={(texts) => change(typed(op, texts, values))}
    />
  );
}
