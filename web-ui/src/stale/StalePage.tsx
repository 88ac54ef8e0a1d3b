import { Button, Group, Select } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { StaleFlag } from '../api/client';
import { queries, type StaleQuery } from '../api/queries';
import { LabelFilter, type Labels, NO_LABELS } from '../flags/LabelFilter';
import { useEnvironment } from '../shell/environment';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { count, some } from '../shell/numbers';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';
import { inCode, REASONS, type Reason, reasonWord } from './words';

/** Flags that have had their day, why, and what to do. */
export function StalePage() {
  const environment = useEnvironment();
  const [labels, setLabels] = useState<Labels>(NO_LABELS);
  const [reason, setReason] = useState<Reason | null>(null);
  const [isHere, setIsHere] = useState(false);
  const asked: StaleQuery = { ...labels, reason, environment: isHere ? environment : null };
  const pages = useInfiniteQuery(queries.staleFlags(asked));
  const found = pages.data?.pages ?? [];
  const flags = found.flatMap(({ items }) => items);
  const first = found[0];
  const isFiltered = labels.owner !== null || labels.tag !== null || reason !== null || isHere;
  return (
    <>
      <Head
        title="Stale flags"
        about={
          first &&
          `${some(first.total, 'flag')} that ${first.total === 1 ? 'has' : 'have'} had ${first.total === 1 ? 'its' : 'their'} day`
        }
      >
        <Export
          name="stale-flags"
          table={{ columns: COLUMNS, rows: flags }}
          impossible={pages.hasNextPage ? 'Show all of them first.' : undefined}
        />
      </Head>
      <Group gap="sm" mb="md" align="flex-start">
        <Select
          aria-label="Why"
          w={170}
          placeholder="Any reason"
          clearable
          clearButtonProps={{ 'aria-label': 'Any reason' }}
          data={Object.entries(REASONS).map(([value, label]) => ({ value, label }))}
          value={reason}
          onChange={(value) => setReason(value as Reason | null)}
        />
        <Select
          aria-label="Where"
          w={170}
          allowDeselect={false}
          data={[
            { value: 'all', label: 'All environments' },
            { value: 'here', label: `Only ${environment}` },
          ]}
          value={isHere ? 'here' : 'all'}
          onChange={(value) => setIsHere(value === 'here')}
        />
        <LabelFilter labels={labels} change={setLabels} />
      </Group>
      {pages.isPending && <Loading what="stale flags" />}
      {pages.error && <Failed error={pages.error} retry={() => pages.refetch()} />}
      {first && (
        <p className="soft">
          Evaluations are counted since <Time at={first.countedSince} />: what is not known from before is not
          held against a flag.
        </p>
      )}
      {first?.total === 0 && (
        <Empty>
          {isFiltered
            ? 'No flag fits these filters.'
            : 'None: every flag is used, and still decides something.'}
        </Empty>
      )}
      {flags.length > 0 && (
        <div className="panel">
          <Flags flags={flags} />
          {pages.hasNextPage && (
            <Button
              variant="default"
              mt="sm"
              loading={pages.isFetchingNextPage}
              onClick={() => pages.fetchNextPage()}
            >
              Show more of {count(first?.total ?? 0)}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

const COLUMNS: Column<StaleFlag>[] = [
  { key: 'key', title: 'Key', of: ({ key }) => key },
  { key: 'name', title: 'Flag', of: ({ name }) => name },
  { key: 'owner', title: 'Owner', of: ({ owner }) => owner },
  { key: 'tags', title: 'Tags', of: ({ tags }) => tags.join(', ') },
  { key: 'reasons', title: 'Why', of: ({ findings }) => findings.map((one) => reasonWord(one)).join(', ') },
  { key: 'detail', title: 'In words', of: ({ findings }) => findings.map(({ detail }) => detail).join(' ') },
  { key: 'since', title: 'Since', of: ({ findings }) => findings[0]?.since },
  { key: 'lastEvaluated', title: 'Last evaluated', of: ({ lastEvaluated }) => lastEvaluated },
  { key: 'references', title: 'Places in code', of: ({ references }) => references },
];

function Flags({ flags }: { flags: StaleFlag[] }) {
  return (
    <Table label="Stale flags">
      <thead>
        <tr>
          <th scope="col">Flag</th>
          <th scope="col">Why, and what to do</th>
          <th scope="col">Since</th>
          <th scope="col">Last evaluated</th>
          <th scope="col">In code</th>
          <th scope="col">Owner</th>
          <th scope="col">Tags</th>
        </tr>
      </thead>
      <tbody>
        {flags.map((flag) => (
          <tr key={flag.key}>
            <td style={{ minWidth: 'min(140px, 28vw)' }}>
              <Link
                to="/flags/$key"
                params={{ key: flag.key }}
                style={{ fontWeight: 600, color: 'var(--ink)' }}
              >
                {flag.name || flag.key}
              </Link>
              <div className="soft" style={{ fontSize: 13 }}>
                {flag.key}
              </div>
            </td>
            <td style={{ minWidth: 'min(260px, 46vw)' }}>
              {flag.findings.map((one) => (
                <div key={one.reason}>
                  <span className="chip" data-tone="mixed">
                    {reasonWord(one)}
                  </span>{' '}
                  {one.detail} <span className="soft">{one.mend}</span>
                </div>
              ))}
            </td>
            <td style={{ whiteSpace: 'nowrap' }}>
              {flag.findings.map((one) => (
                <div key={one.reason}>
                  <Time at={one.since} />
                </div>
              ))}
            </td>
            <td>{flag.lastEvaluated ? <Time at={flag.lastEvaluated} /> : 'Not known'}</td>
            <td>{inCode(flag.references)}</td>
            <td>{flag.owner ?? '—'}</td>
            <td>{flag.tags.join(', ') || '—'}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
