import { Button, Group, Select, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { CommitDetails } from './CommitDetails';

/** Every commit: who, why, what. */
export function HistoryPage() {
  const search = useSearch({ from: '/history' });
  const navigate = useNavigate();
  const history = useQuery(queries.history(search.flag ?? '', search.venue ?? ''));
  const flags = useQuery(queries.flags('')).data?.items ?? [];
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const [open, setOpen] = useState<number>();
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
      </Head>
      {history.isPending && <Loading what="the history" />}
      {history.error && <Failed error={history.error} retry={() => history.refetch()} />}
      {history.data?.items.length === 0 && <Empty>No commit fits.</Empty>}
      <ol style={{ listStyle: 'none', padding: 0, margin: 0 }}>
        {history.data?.items.map((commit) => (
          <li key={commit.seq} className="panel" style={{ marginBottom: 8 }} data-commit={commit.seq}>
            <Group justify="space-between" gap="sm">
              <div style={{ minWidth: 0 }}>
                <Text fw={600}>{commit.message || 'No reason given'}</Text>
                <Text size="sm" className="soft">
                  #{commit.seq} by {commit.actor.name},{' '}
                  {new Date(commit.at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })}:{' '}
                  {commit.changes
                    .slice(0, 3)
                    .map((one) => `${one.action} ${one.kind} ${one.key}`)
                    .join(', ')}
                  {commit.changes.length > 3 && ` and ${commit.changes.length - 3} more`}
                </Text>
              </div>
              <Button
                size="xs"
                variant="default"
                aria-expanded={open === commit.seq}
                onClick={() => setOpen(open === commit.seq ? undefined : commit.seq)}
              >
                {open === commit.seq ? 'Hide' : 'What changed'}
              </Button>
            </Group>
            {open === commit.seq && <CommitDetails seq={commit.seq} />}
          </li>
        ))}
      </ol>
    </>
  );
}
