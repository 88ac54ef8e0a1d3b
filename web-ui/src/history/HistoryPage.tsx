import { Button, Group, Select, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { CommitSummary } from '../api/client';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { useMay } from '../shell/may';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { Time } from '../shell/Time';
import { CommitDetails } from './CommitDetails';
import { TakeBack } from './TakeBack';
import { changeWords } from './words';

const COLUMNS: Column<CommitSummary>[] = [
  { key: 'seq', title: 'Commit', of: (commit) => commit.seq },
  { key: 'at', title: 'When', of: (commit) => commit.at },
  { key: 'by', title: 'Who', of: (commit) => commit.actor.name },
  { key: 'message', title: 'Why', of: (commit) => commit.message },
  {
    key: 'changes',
    title: 'What',
    of: ({ changes }) => changes.map(changeWords).join(', '),
  },
];

/** Every commit: who, why, what. An export has those that are shown. */
export function HistoryPage() {
  const search = useSearch({ from: '/history' });
  const navigate = useNavigate();
  const history = useInfiniteQuery(queries.pages(search.flag ?? '', search.venue ?? ''));
  const commits = history.data?.pages.flatMap((page) => page.items);
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const [open, setOpen] = useState<number>();
  const [back, setBack] = useState<CommitSummary>();
  const mayGoBack = useMay('editor');
  const nameOf = useVenueName();
  const go = (next: { flag?: string; venue?: string }) =>
    navigate({ to: '/history', search: { ...search, ...next } });
  return (
    <>
      <Head title="History" about={search.venue && `Commits that name ${nameOf(search.venue)}`}>
        <Select
          aria-label="Flag"
          placeholder="All flags"
          searchable
          clearable
          limit={50}
          value={search.flag ?? null}
          onChange={(flag) => go({ flag: flag ?? undefined })}
          data={flags.map(({ document }) => ({ value: document.key, label: document.name || document.key }))}
        />
        <Select
          aria-label="Venue"
          placeholder="All venues"
          searchable
          clearable
          limit={50}
          value={search.venue ?? null}
          onChange={(venue) => go({ venue: venue ?? undefined })}
          data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
        />
        <Export name="history" table={{ columns: COLUMNS, rows: commits ?? [] }} />
      </Head>
      {history.isPending && <Loading what="the history" />}
      {history.error && <Failed error={history.error} retry={() => history.refetch()} />}
      {commits?.length === 0 && !history.hasNextPage && <Empty>No commit fits.</Empty>}
      <ol style={{ listStyle: 'none', padding: 0, margin: 0 }}>
        {commits?.map((commit) => (
          <li key={commit.seq} className="panel" style={{ marginBottom: 8 }} data-commit={commit.seq}>
            <Group justify="space-between" gap="sm">
              <div style={{ minWidth: 0 }}>
                <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
                  {commit.message || 'No reason given'}
                </Text>
                <Text size="sm" className="soft">
                  #{commit.seq} by {commit.actor.name}, <Time at={commit.at} seconds />:{' '}
                  {commit.changes.slice(0, 3).map(changeWords).join(', ')}
                  {commit.changes.length > 3 && ` and ${commit.changes.length - 3} more`}
                </Text>
              </div>
              <Group gap="xs">
                <Button
                  size="xs"
                  variant="subtle"
                  aria-description={`of commit ${commit.seq}`}
                  renderRoot={(props) => <Link to="/board" search={{ at: commit.seq }} {...props} />}
                >
                  Board then
                </Button>
                {mayGoBack && (
                  <Button
                    size="xs"
                    variant="subtle"
                    aria-description={`to commit ${commit.seq}`}
                    onClick={() => setBack(commit)}
                  >
                    Go back to here
                  </Button>
                )}
                <Button
                  size="xs"
                  variant="default"
                  aria-expanded={open === commit.seq}
                  aria-description={`of commit ${commit.seq}`}
                  onClick={() => setOpen(open === commit.seq ? undefined : commit.seq)}
                >
                  {open === commit.seq ? 'Hide' : 'What changed'}
                </Button>
              </Group>
            </Group>
            {open === commit.seq && <CommitDetails seq={commit.seq} />}
          </li>
        ))}
      </ol>
      {history.hasNextPage && (
        <Button
          variant="default"
          loading={history.isFetchingNextPage}
          onClick={() => history.fetchNextPage()}
        >
          Show older
        </Button>
      )}
      {back && <TakeBack commit={back} close={() => setBack(undefined)} />}
    </>
  );
}
