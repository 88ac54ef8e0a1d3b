import { MultiSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';

type Props = {
  environments: string[];
  venues: string[];
  setEnvironments: (keys: string[]) => void;
  setVenues: (keys: string[]) => void;
};

/** Where a role holds: some environments and some venues, or all of them. */
export function Places({ environments, venues, setEnvironments, setVenues }: Props) {
  const all = useQuery(queries.workspace()).data?.environments ?? [];
  const places = useQuery(queries.venues()).data?.items ?? [];
  return (
    <>
      <MultiSelect
        label="In these environments"
        placeholder="All environments"
        value={environments}
        onChange={setEnvironments}
        data={all.map((one) => ({ value: one.key, label: one.name }))}
      />
      <MultiSelect
        label="At these venues"
        placeholder="All venues"
        searchable
        limit={50}
        value={venues}
        onChange={setVenues}
        data={places.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
    </>
  );
}
