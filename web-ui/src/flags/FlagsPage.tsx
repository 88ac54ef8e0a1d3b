import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';

/** Rows that are drawn; a search finds the rest. */
const SHOWN = 200;

export function FlagsPage() {
  const [search, setSearch] = useState('');
  const [asked] = useDebouncedValue(search, 150);
  const environment = useEnvironment();
  const flags = useQuery(queries.flags(asked, SHOWN));
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
      </Head>
      {flags.isPending && <Loading what="flags" />}
      {flags.error && <Failed error={flags.error} retry={() => flags.refetch()} />}
      {flags.data?.items.length === 0 && (
        <Empty>
          {asked
            ? `No flag fits “${asked}”.`
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

/** On, off or killed, in words. */
export function StateChip({ config }: { config: FlagConfig | undefined }) {
  if (!config) {
    return (
      <span className="chip" data-tone="off">
        Not configured here
      </span>
    );
  }
  const places = (config.killed?.venues?.length ?? 0) + (config.killed?.cohorts?.length ?? 0);
  if (config.killed?.all) {
    return (
      <span className="chip" data-tone="killed">
        Killed for everyone
      </span>
    );
  }
  return (
    <span style={{ display: 'inline-flex', gap: 6, flexWrap: 'wrap' }}>
      <span className="chip" data-tone={config.enabled ? 'on' : 'off'}>
        {config.enabled ? 'On' : 'Off'}
      </span>
      {places > 0 && (
        <span className="chip" data-tone="killed">
          Killed in {places} {places === 1 ? 'place' : 'places'}
        </span>
      )}
    </span>
  );
}
