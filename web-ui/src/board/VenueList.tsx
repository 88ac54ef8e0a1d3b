import { Select, Text } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useState } from 'react';
import type { Board } from '../api/client';
import { count } from '../shell/numbers';
import { Empty } from '../shell/states';
import { VenueFlag } from './VenueFlag';

/** The board on a phone at a gate: one venue, its flags. The venue is remembered, and never changes by itself. */
export function VenueList({ board }: { board: Board }) {
  const [remembered, remember] = useLocalStorage<string | null>({
    key: 'usher.venue',
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const [busiest] = useState(
    () => board.venues.reduce((a, b) => (b.connected > a.connected ? b : a), board.venues[0] ?? NOWHERE).key,
  );
  const isThere = board.venues.some((venue) => venue.key === remembered);
  const key = isThere ? remembered : busiest;
  const index = board.venues.findIndex((venue) => venue.key === key);
  const venue = board.venues[index];
  return (
    <>
      <Select
        label="Venue"
        searchable
        limit={50}
        allowDeselect={false}
        value={key}
        onChange={remember}
        data={board.venues.map((one) => ({ value: one.key, label: one.name }))}
      />
      {!venue && <Empty>Choose a venue.</Empty>}
      {venue && (
        <>
          <Text size="sm" className="soft" my="xs">
            {venue.city}, {venue.country}: {count(venue.connected)} devices connected
          </Text>
          <ul style={{ listStyle: 'none', padding: 0, margin: 0 }}>
            {board.flags.map((flag) => (
              <VenueFlag
                // What was done at one venue is not told of another.
                key={`${venue.key} ${flag.key}`}
                flag={flag}
                venue={venue}
                exposure={flag.outcomes[flag.cells[index] ?? 0]}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

const NOWHERE = { key: '', connected: 0 };
