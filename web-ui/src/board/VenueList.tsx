import { Select, Text } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { BoardVenue } from '../api/client';
import { type BoardQuery, queries } from '../api/queries';
import { count } from '../shell/numbers';
import { Empty, Failed, Loading } from '../shell/states';
import { VenueFlag } from './VenueFlag';

/** Flags that a phone shows; a search finds the rest. */
const SHOWN = 100;

type Props = { query: BoardQuery; venues: BoardVenue[] };

/** The board on a phone at a gate: one venue, its flags. The venue is remembered, and never changes by itself. */
export function VenueList({ query, venues }: Props) {
  const { at } = query;
  const [remembered, remember] = useLocalStorage<string | null>({
    key: 'usher.venue',
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const [busiest] = useState(
    () => venues.reduce((a, b) => (b.connected > a.connected ? b : a), venues[0] ?? NOWHERE).key,
  );
  const isThere = venues.some((venue) => venue.key === remembered);
  const key = isThere && remembered ? remembered : busiest;
  const venue = venues.find((one) => one.key === key);
  const rows = useQuery({
    ...queries.boardRows({ ...query, venue: key, limit: SHOWN }),
    enabled: venue !== undefined,
  });
  const choices = useMemo(() => venues.map((one) => ({ value: one.key, label: one.name })), [venues]);
  return (
    <>
      <Select
        label="Venue"
        searchable
        limit={50}
        allowDeselect={false}
        value={key}
        onChange={remember}
        data={choices}
      />
      {!venue && <Empty>Choose a venue.</Empty>}
      {venue && (
        <>
          <Text size="sm" className="soft" my="xs">
            {venue.city}, {venue.country}
            {at === undefined && `: ${count(venue.connected)} devices connected`}
          </Text>
          {rows.isPending && <Loading what="its flags" />}
          {rows.error && <Failed error={rows.error} retry={() => rows.refetch()} />}
          {rows.data?.totalFlags === 0 && <Empty>Nothing fits this search.</Empty>}
          <ul style={{ listStyle: 'none', padding: 0, margin: 0 }}>
            {rows.data?.flags.map((flag) => (
              <VenueFlag
                // What was done at one venue is not told of another.
                key={`${venue.key} ${flag.key}`}
                flag={flag}
                venue={venue}
                exposure={flag.outcomes[flag.cells[0] ?? 0]}
                isPast={at !== undefined}
              />
            ))}
          </ul>
          {rows.data && rows.data.totalFlags > rows.data.flags.length && (
            <p className="soft">
              {count(rows.data.totalFlags - rows.data.flags.length)} more flags are not shown: search to find
              them.
            </p>
          )}
        </>
      )}
    </>
  );
}

const NOWHERE = { key: '', connected: 0 };
