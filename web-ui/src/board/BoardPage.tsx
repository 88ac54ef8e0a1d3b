import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedValue, useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { type BoardQuery, queries } from '../api/queries';
import { LabelFilter, type Labels, NO_LABELS } from '../flags/LabelFilter';
import { useEnvironment } from '../shell/environment';
import { Export } from '../shell/export/Export';
import { count, some } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { AppsLine } from './AppsLine';
import { BoardGrid } from './BoardGrid';
import { BulkBar } from './BulkBar';
import { type Cell, cellKey } from './cell';
import { boardTable, MAX_CELLS } from './export';
import { fitting, type GroupBy } from './order';
import { NO_PINS, type Pins } from './pins';
import { TimeSlider } from './TimeSlider';
import { VenueList } from './VenueList';

const GROUPS: { value: GroupBy; label: string }[] = [
  { value: 'none', label: 'Not grouped' },
  { value: 'country', label: 'By country' },
  { value: 'tag', label: 'By tag' },
];

/** Flags down, venues across, and what each venue gets. What is chosen in one environment is not in another. */
export function BoardPage() {
  const environment = useEnvironment();
  return <BoardOf key={environment} environment={environment} />;
}

function BoardOf({ environment }: { environment: string }) {
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const { at } = useSearch({ from: '/board' });
  const [search, setSearch] = useState('');
  const [venueSearch, setVenueSearch] = useState('');
  const [asked] = useDebouncedValue(search, 150);
  const [labels, setLabels] = useState<Labels>(NO_LABELS);
  const query: BoardQuery = { environment, search: asked, ...labels, at };
  const workspace = useQuery(queries.workspace());
  const venues = useQuery(queries.boardVenues(environment, at));
  // On a phone each venue has rows of its own.
  const first = useQuery({ ...queries.boardRows(query), enabled: !narrow });
  const shown = useMemo(
    () => fitting(venues.data?.venues ?? [], narrow ? '' : venueSearch),
    [venues.data, narrow, venueSearch],
  );
  const [by, setBy] = useLocalStorage<GroupBy>({ key: 'usher.board.group', defaultValue: 'none' });
  const [pins, setPins] = useLocalStorage<Pins>({ key: 'usher.board.pins', defaultValue: NO_PINS });
  const [selected, setSelected] = useState<ReadonlyMap<string, Cell>>(new Map());
  const toggle = useCallback(
    (cell: Cell) =>
      setSelected((before) => {
        const next = new Map(before);
        if (!next.delete(cellKey(cell))) next.set(cellKey(cell), cell);
        return next;
      }),
    [],
  );
  const error = venues.error ?? first.error;
  const flags = first.data?.totalFlags;
  const nothing = flags === 0 || (venues.data && shown.length === 0);
  return (
    <>
      <Head
        title="Board"
        about={
          venues.data &&
          flags !== undefined &&
          `${some(flags, 'flag')} at ${some(shown.length, 'venue')} in ${environment}, as of commit ${first.data?.seq}`
        }
      >
        <TextInput
          aria-label="Search flags"
          placeholder="Flags"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <LabelFilter labels={labels} change={setLabels} />
        {!narrow && (
          <TextInput
            aria-label="Search venues"
            placeholder="Venues, cities, countries"
            value={venueSearch}
            onChange={(event) => setVenueSearch(event.currentTarget.value)}
          />
        )}
        {!narrow && (
          <Select
            aria-label="Group venues"
            w={170}
            allowDeselect={false}
            data={GROUPS}
            value={by}
            onChange={(chosen) => chosen && setBy(chosen as GroupBy)}
          />
        )}
        {!narrow && (
          <Export
            name={`board-${environment}`}
            table={() => boardTable(query, venueSearch)}
            impossible={
              (flags ?? 0) * shown.length > MAX_CELLS
                ? `A file has at most ${count(MAX_CELLS)} cells: search flags or venues to have fewer.`
                : undefined
            }
          />
        )}
        {at === undefined && workspace.data && (
          <Button
            renderRoot={(props) => <Link to="/board" search={{ at: workspace.data.seq }} {...props} />}
            variant="default"
          >
            Look back
          </Button>
        )}
      </Head>
      {at !== undefined && <TimeSlider at={at} />}
      {!error && (venues.isPending || (!narrow && first.isPending)) && <Loading what="the board" />}
      {error && (
        <Failed
          error={error}
          retry={() => {
            void venues.refetch();
            void first.refetch();
          }}
        />
      )}
      {nothing && (
        <Empty>
          {asked || venueSearch || labels.owner || labels.tag
            ? 'Nothing fits this search.'
            : 'There is nothing to show yet: import venues with `usher venue import` and make a flag.'}
        </Empty>
      )}
      {narrow && venues.data && !nothing && <VenueList query={query} venues={venues.data.venues} />}
      {!narrow && venues.data && first.data && !nothing && (
        <BoardGrid
          query={query}
          first={first.data}
          heads={venues.data}
          venues={shown}
          by={by}
          pins={pins}
          selected={selected}
          toggle={toggle}
        />
      )}
      {at === undefined && <AppsLine environment={environment} />}
      {selected.size > 0 && at === undefined && (
        <BulkBar
          cells={[...selected.values()]}
          clear={() => setSelected(new Map())}
          pins={pins}
          pin={setPins}
        />
      )}
    </>
  );
}
