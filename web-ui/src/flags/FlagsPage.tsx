import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Flag, FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';
import { LabelFilter, type Labels, NO_LABELS } from './LabelFilter';

/** Rows that are drawn; a search finds the rest. */
const SHOWN = 200;

type Item = { document: Flag; updatedAt: string; updatedBy: string };

export function FlagsPage() {
  const [search, setSearch] = useState('');
  const [asked] = useDebouncedValue(search, 150);
  const environment = useEnvironment();
  const client = useQueryClient();
  const [labels, setLabels] = useState<Labels>(NO_LABELS);
  const flags = useQuery(queries.flags({ search: asked, limit: SHOWN, ...labels }));
  const columns: Column<Item>[] = [
    { key: 'key', title: 'Key', of: ({ document }) => document.key },
    { key: 'name', title: 'Flag', of: ({ document }) => document.name },
    {
      key: 'state',
      title: 'State',
      of: ({ document }) => stateWords(document.environments?.[environment]).join(', '),
    },
    { key: 'type', title: 'Type', of: ({ document }) => document.type },
    { key: 'owner', title: 'Owner', of: ({ document }) => document.owner },
    { key: 'tags', title: 'Tags', of: ({ document }) => document.tags?.join(', ') },
    { key: 'updatedAt', title: 'Last change', of: ({ updatedAt }) => updatedAt },
    { key: 'updatedBy', title: 'By', of: ({ updatedBy }) => updatedBy },
  ];
  return (
    <>
      <Head
        title="Flags"
        about={flags.data && `${count(flags.data.total)} in this workspace, shown for ${environment}`}
      >
        <TextInput
          aria-label="Search flags"
          placeholder="Name, owner, tag"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <LabelFilter labels={labels} change={setLabels} />
        <Export
          name={`flags-${environment}`}
          table={async () => ({
            columns,
            rows: (await client.fetchQuery(queries.flagsToTheLast({ search, ...labels }))).items,
          })}
        />
      </Head>
      {flags.isPending && <Loading what="flags" />}
      {flags.error && <Failed error={flags.error} retry={() => flags.refetch()} />}
      {flags.data?.items.length === 0 && (
        <Empty>
          {asked || labels.owner || labels.tag
            ? 'No flag fits this search.'
            : 'There are no flags yet: `usher flag set KEY --file flag.json` makes one.'}
        </Empty>
      )}
      {!!flags.data?.items.length && (
        <div className="panel">
          <Table label="Flags">
            <thead>
              <tr>
                <th scope="col">Flag</th>
                <th scope="col">State</th>
                <th scope="col">Type</th>
                <th scope="col">Owner</th>
                <th scope="col">Tags</th>
                <th scope="col">Last change</th>
              </tr>
            </thead>
            <tbody>
              {flags.data.items.map(({ document, updatedAt, updatedBy }) => (
                <tr key={document.key}>
                  <td>
                    <Link
                      to="/flags/$key"
                      params={{ key: document.key }}
                      style={{ fontWeight: 600, color: 'var(--ink)' }}
                    >
                      {document.name || document.key}
                    </Link>
                    <div className="soft" style={{ fontSize: 13 }}>
                      {document.key}
                    </div>
                  </td>
                  <td>
                    <StateChip config={document.environments?.[environment]} />
                  </td>
                  <td>{document.type}</td>
                  <td>{document.owner ?? '—'}</td>
                  <td>{document.tags?.join(', ') || '—'}</td>
                  <td className="soft">
                    {updatedBy}, <Time at={updatedAt} />
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
          {flags.data.total > flags.data.items.length && (
            <p className="soft">
              and {count(flags.data.total - flags.data.items.length)} more: search to find them.
            </p>
          )}
        </div>
      )}
    </>
  );
}

/** On, off or killed, in words: the state first, then where it is killed. */
function stateWords(config: FlagConfig | undefined): string[] {
  if (!config) return ['Not configured here'];
  if (config.killed?.all) return ['Killed for everyone'];
  const places = (config.killed?.venues?.length ?? 0) + (config.killed?.cohorts?.length ?? 0);
  const killed = places ? [`Killed in ${places} ${places === 1 ? 'place' : 'places'}`] : [];
  return [config.enabled ? 'On' : 'Off', ...killed];
}

/** The same, as chips. */
export function StateChip({ config }: { config: FlagConfig | undefined }) {
  return (
    <span style={{ display: 'inline-flex', gap: 6, flexWrap: 'wrap' }}>
      {stateWords(config).map((word) => (
        <span
          key={word}
          className="chip"
          data-tone={word.startsWith('Killed') ? 'killed' : word === 'On' ? 'on' : 'off'}
        >
          {word}
        </span>
      ))}
    </span>
  );
}
