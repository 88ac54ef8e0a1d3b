import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Cohort } from '../api/client';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { conditionWords } from '../flags/words';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { fits } from '../shell/fits';
import { count } from '../shell/numbers';
import { SearchField } from '../shell/SearchField';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { usedBy } from './usedBy';
import { claimsWords } from './words';

/** Rows that are drawn; a search finds the rest. */
const SHOWN = 200;

export function CohortsPage() {
  const cohorts = useQuery(queries.cohorts());
  const venueName = useVenueName();
  const users = useUsers();
  const [search, setSearch] = useState('');
  const usersOf = (cohort: Cohort) => users.get(cohort.key)?.join(', ') ?? '';
  const columns: Column<Cohort>[] = [
    { key: 'key', title: 'Key', of: (cohort) => cohort.key },
    { key: 'name', title: 'Cohort', of: (cohort) => cohort.name },
    { key: 'who', title: 'Who', of: whoWords },
    {
      key: 'venues',
      title: 'Where',
      of: (cohort) => cohort.venues?.map(venueName).join(', ') || 'Everywhere',
    },
    { key: 'claims', title: 'Phones', of: claimsWords },
    { key: 'usedBy', title: 'Used by', of: usersOf },
  ];
  const fitting = (cohorts.data?.items ?? [])
    .map(({ document }) => document)
    .filter((cohort) => fits(search, [cohort.key, cohort.name, whoWords(cohort), usersOf(cohort)]));
  return (
    <>
      <Head
        title="Cohorts"
        about={cohorts.data && `${cohorts.data.total} reusable sets of people and devices`}
      >
        <SearchField
          label="Search cohorts"
          placeholder="Name, who, used by"
          value={search}
          change={setSearch}
        />
        <Export name="cohorts" table={{ columns: columns, rows: fitting }} />
      </Head>
      {cohorts.isPending && <Loading what="cohorts" />}
      {cohorts.error && <Failed error={cohorts.error} retry={() => cohorts.refetch()} />}
      {cohorts.data?.items.length === 0 && (
        <Empty>There are no cohorts yet: `usher cohort set KEY --file cohort.json` makes one.</Empty>
      )}
      {!!cohorts.data?.items.length && fitting.length === 0 && <Empty>No cohort fits “{search}”.</Empty>}
      {fitting.length > 0 && (
        <div className="panel">
          <Table label="Cohorts">
            <thead>
              <tr>
                <th scope="col">Cohort</th>
                <th scope="col">Who</th>
                <th scope="col">Where</th>
                <th scope="col">Used by</th>
              </tr>
            </thead>
            <tbody>
              {fitting.slice(0, SHOWN).map((cohort) => (
                <tr key={cohort.key}>
                  <td>
                    <b>{cohort.name}</b>
                    <div className="soft" style={{ fontSize: 13 }}>
                      {cohort.key}
                    </div>
                  </td>
                  <td>
                    {whoWords(cohort)}
                    {claimsWords(cohort) && <div className="soft">{claimsWords(cohort)}</div>}
                  </td>
                  <td>{cohort.venues?.map(venueName).join(', ') || 'Everywhere'}</td>
                  <td>{usersOf(cohort) || '—'}</td>
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

/** What points to each cohort; worked out when documents change, not when something is typed. */
function useUsers() {
  const flags = useQuery(queries.allFlags()).data?.items;
  const cohorts = useQuery(queries.cohorts()).data?.items;
  const releases = useQuery(queries.releases()).data?.items;
  const playbooks = useQuery(queries.playbooks()).data?.items;
  const schedules = useQuery(queries.schedules()).data?.items;
  return useMemo(() => {
    const documents = <T,>(items: { document: T }[] = []) => items.map(({ document }) => document);
    return usedBy({
      flags: documents(flags),
      cohorts: documents(cohorts),
      releases: documents(releases),
      playbooks: documents(playbooks),
      schedules: documents(schedules),
    });
  }, [flags, cohorts, releases, playbooks, schedules]);
}

/** Whom it holds: by a condition, listed, or both. */
function whoWords(cohort: Cohort): string {
  const listed = cohort.keys?.length
    ? `${count(cohort.keys.length)} listed by ${cohort.by ?? 'targetingKey'}`
    : '';
  return [cohort.if ? conditionWords(cohort.if) : '', listed].filter(Boolean).join(' ');
}
