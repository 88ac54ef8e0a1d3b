import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Venue } from '../api/client';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';

/** Rows that are drawn; a search finds the rest. */
const SHOWN = 200;

export function VenuesPage() {
  const environment = useEnvironment();
  const venues = useQuery(queries.venues());
  const connections = useQuery(queries.connections());
  const [search, setSearch] = useState('');
  const counts = new Map(connections.data?.byVenue.map((one) => [one.venue, one.count]));
  const wanted = search.toLowerCase();
  const devices = (key: string) => counts.get(key) ?? 0;
  // Where devices are comes first, as on the board.
  const fitting = (venues.data?.items ?? [])
    .filter(({ document: venue }) =>
      [venue.name, venue.key, venue.city, venue.country].some((text) => text?.toLowerCase().includes(wanted)),
    )
    .sort((a, b) => devices(b.document.key) - devices(a.document.key));
  const columns: Column<Venue>[] = [
    { key: 'key', title: 'Key', of: (venue) => venue.key },
    { key: 'name', title: 'Venue', of: (venue) => venue.name },
    { key: 'city', title: 'City', of: (venue) => venue.city },
    { key: 'country', title: 'Country', of: (venue) => venue.country },
    { key: 'seats', title: 'Seats', of: (venue) => venue.capacity },
    { key: 'devices', title: 'Devices now', of: (venue) => devices(venue.key) },
  ];
  return (
    <>
      <Head
        title="Venues"
        about={venues.data && `${count(venues.data.total)} venues, devices connected in ${environment}`}
      >
        <TextInput
          aria-label="Search venues"
          placeholder="Name, city, country"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Export name="venues" table={{ columns: columns, rows: fitting.map(({ document }) => document) }} />
      </Head>
      {venues.isPending && <Loading what="venues" />}
      {venues.error && <Failed error={venues.error} retry={() => venues.refetch()} />}
      {venues.data && fitting.length === 0 && (
        <Empty>
          {search
            ? `No venue fits “${search}”.`
            : 'There are no venues yet: `usher venue import venues.csv` brings them.'}
        </Empty>
      )}
      {fitting.length > 0 && (
        <div className="panel">
          <Table label="Venues">
            <thead>
              <tr>
                <th scope="col">Venue</th>
                <th scope="col">City</th>
                <th scope="col">Country</th>
                <th scope="col">Seats</th>
                <th scope="col">Devices now</th>
                <th scope="col">History</th>
              </tr>
            </thead>
            <tbody>
              {fitting.slice(0, SHOWN).map(({ document: venue }) => (
                <tr key={venue.key}>
                  <td>
                    <b>{venue.name}</b>
                    <div className="soft" style={{ fontSize: 13 }}>
                      {venue.key}
                    </div>
                  </td>
                  <td>{venue.city}</td>
                  <td>{venue.country}</td>
                  <td>
                    {venue.capacity === undefined || venue.capacity === null ? '—' : count(venue.capacity)}
                  </td>
                  <td>{count(devices(venue.key))}</td>
                  <td>
                    <Link
                      to="/history"
                      search={{ venue: venue.key }}
                      aria-label={`History at ${venue.name}`}
                      style={{ color: 'var(--on)' }}
                    >
                      Show
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
          {fitting.length > SHOWN && (
            <p className="soft">and {count(fitting.length - SHOWN)} more: search to find them.</p>
          )}
        </div>
      )}
    </>
  );
}
