import { TextInput } from '@mantine/core';
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { BoardGrid } from './BoardGrid';
import { BulkBar } from './BulkBar';
import { VenueList } from './VenueList';

/** A cell: a flag at a venue. */
export type Cell = { flag: string; venue: string };
export const cellKey = (cell: Cell) => `${cell.flag}\n${cell.venue}`;

/** Flags down, venues across, and what each venue gets. What is chosen in one environment is not in another. */
export function BoardPage() {
  const environment = useEnvironment();
  return <BoardOf key={environment} environment={environment} />;
}

function BoardOf({ environment }: { environment: string }) {
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const [search, setSearch] = useState('');
  const [venueSearch, setVenueSearch] = useState('');
  const [asked] = useDebouncedValue(search, 150);
  const [venueAsked] = useDebouncedValue(venueSearch, 150);
  const board = useQuery(queries.board(environment, asked, venueAsked));
  const [selected, setSelected] = useState<ReadonlyMap<string, Cell>>(new Map());
  const toggle = (cell: Cell) =>
    setSelected((before) => {
      const next = new Map(before);
      if (!next.delete(cellKey(cell))) next.set(cellKey(cell), cell);
      return next;
    });
  const data = board.data;
  return (
    <>
      <Head
        title="Board"
        about={
          data &&
          `${count(data.totalFlags)} flags at ${count(data.totalVenues)} venues in ${data.environment}, as of commit ${data.seq}`
        }
      >
        <TextInput
          aria-label="Search flags"
          placeholder="Flags"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {!narrow && (
          <TextInput
            aria-label="Search venues"
            placeholder="Venues, cities, countries"
            value={venueSearch}
            onChange={(event) => setVenueSearch(event.currentTarget.value)}
          />
        )}
      </Head>
      {board.isPending && <Loading what="the board" />}
      {board.error && <Failed error={board.error} retry={() => board.refetch()} />}
      {data && (data.flags.length === 0 || data.venues.length === 0) && (
        <Empty>
          {asked || venueAsked
            ? 'Nothing fits this search.'
            : 'There is nothing to show yet: import venues with `usher venue import` and make a flag.'}
        </Empty>
      )}
      {data && data.flags.length > 0 && data.venues.length > 0 && (
        <>
          {narrow ? (
            <VenueList board={data} />
          ) : (
            <BoardGrid board={data} selected={selected} toggle={toggle} />
          )}
          {data.totalFlags > data.flags.length && (
            <p className="soft">
              {count(data.totalFlags - data.flags.length)} more flags are not shown: search to find them.
            </p>
          )}
          {selected.size > 0 && (
            <BulkBar cells={[...selected.values()]} flags={data.flags} clear={() => setSelected(new Map())} />
          )}
        </>
      )}
    </>
  );
}
