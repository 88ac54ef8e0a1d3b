import { Select, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Board } from '../api/client';
import { exposureWords } from '../flags/words';
import { count } from '../shell/numbers';

/** The board on a phone at a gate: one venue, its flags. */
export function VenueList({ board }: { board: Board }) {
  const busiest = board.venues.reduce(
    (a, b) => (b.connected > a.connected ? b : a),
    board.venues[0] ?? { key: '', connected: 0 },
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const key = chosen ?? busiest.key;
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
        onChange={setChosen}
        data={board.venues.map((one) => ({ value: one.key, label: one.name }))}
      />
      <Text size="sm" className="soft" my="xs">
        {venue ? `${venue.city}, ${venue.country}: ${count(venue.connected)} devices connected` : ''}
      </Text>
      <ul style={{ listStyle: 'none', padding: 0, margin: 0 }}>
        {board.flags.map((flag) => {
          const exposure = flag.outcomes[flag.cells[index] ?? 0];
          const words = exposure && exposureWords(exposure);
          return (
            <li key={flag.key} className="panel" style={{ marginBottom: 8, padding: 12 }}>
              <Link
                to="/flags/$key"
                params={{ key: flag.key }}
                style={{
                  display: 'flex',
                  justifyContent: 'space-between',
                  gap: 12,
                  color: 'var(--ink)',
                  textDecoration: 'none',
                  fontWeight: 600,
                }}
              >
                <span>
                  {flag.name || flag.key}
                  <span className="soft" style={{ display: 'block', fontSize: 13, fontWeight: 400 }}>
                    {words?.why}
                  </span>
                </span>
                {words && (
                  <span className="chip" data-tone={words.tone} style={{ alignSelf: 'center' }}>
                    {words.text}
                  </span>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
    </>
  );
}
