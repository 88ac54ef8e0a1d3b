import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Release, ReleaseView } from '../api/client';
import { queries } from '../api/queries';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { useMay } from '../shell/may';
import { count } from '../shell/numbers';
import { plainly } from '../shell/plainly';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './releases.module.css';
import { guardWord, isWatched, painOf, STATUS, statusOf, waitsForSomebody } from './words';

/** Releases that are drawn; a search finds the rest. */
const SHOWN = 100;

const STATES = [
  { value: 'all', label: 'All' },
  { value: 'running', label: 'Running' },
  { value: 'paused', label: 'Paused' },
  { value: 'planned', label: 'Planned' },
  { value: 'over', label: 'Over' },
] as const;
type State = (typeof STATES)[number]['value'];

const stateOf = (release: Release): State => {
  const status = statusOf(release);
  return status === 'rolledBack' || status === 'completed' ? 'over' : status;
};

const COLUMNS: Column<{ document: Release; updatedAt: string }>[] = [
  { key: 'key', title: 'Key', of: ({ document }) => document.key },
  { key: 'name', title: 'Release', of: ({ document }) => document.name },
  { key: 'flag', title: 'Flag', of: ({ document }) => document.flag },
  { key: 'variant', title: 'Variant', of: ({ document }) => document.variant },
  { key: 'environment', title: 'Environment', of: ({ document }) => document.environment },
  { key: 'state', title: 'State', of: ({ document }) => STATUS[statusOf(document)].word },
  {
    key: 'stage',
    title: 'Stage',
    of: ({ document }) =>
      isWatched(document) ? document.stages[document.progress?.stage ?? 0]?.name : undefined,
  },
  { key: 'stages', title: 'Stages', of: ({ document }) => document.stages.length },
  { key: 'updatedAt', title: 'Last change', of: ({ updatedAt }) => updatedAt },
];

/** All releases: what hurts comes first. */
export function ReleasesPage() {
  const [search, setSearch] = useState('');
  const [state, setState] = useState<State>('all');
  const releases = useQuery(queries.releases());
  const items = releases.data?.items ?? [];
  const watched = items.filter(({ document }) => isWatched(document)).map(({ document }) => document.key);
  const seen = useQueries({
    queries: watched.map((key) => queries.releaseStatus(key)),
    combine: (all) => new Map(all.flatMap(({ data }) => (data ? [[data.key, data] as const] : []))),
  });
  const wanted = search.toLowerCase();
  const fitting = items
    .filter(({ document: own }) => state === 'all' || stateOf(own) === state)
    .filter(({ document: own }) =>
      [own.key, own.name, own.flag, own.environment].some((text) => text?.toLowerCase().includes(wanted)),
    )
    .sort(
      (a, b) =>
        painOf(a.document, seen.get(a.document.key)?.guards) -
          painOf(b.document, seen.get(b.document.key)?.guards) || b.updatedAt.localeCompare(a.updatedAt),
    );
  const mayPlan = useMay('editor');
  return (
    <>
      <Head
        title="Releases"
        about={releases.data && `${count(watched.length)} under way, ${count(items.length)} in all`}
      >
        <TextInput
          aria-label="Search releases"
          placeholder="Name, flag, environment"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Export name="releases" table={{ columns: COLUMNS, rows: fitting }} />
        {mayPlan && (
          <Button renderRoot={(props) => <Link to="/new-release" search={{}} {...props} />}>
            Plan a release
          </Button>
        )}
      </Head>
      {items.length > 0 && (
        <SegmentedControl
          aria-label="State"
          mb="md"
          size="xs"
          value={state}
          onChange={(value) => setState(value as State)}
          data={[...STATES]}
        />
      )}
      {releases.isPending && <Loading what="releases" />}
      {releases.error && <Failed error={releases.error} retry={() => releases.refetch()} />}
      {releases.data && fitting.length === 0 && (
        <Empty>
          {items.length === 0
            ? 'There are no releases yet. A release takes a flag to the public stage by stage, and back by itself when it hurts.'
            : search
              ? `No release fits “${search}”.`
              : `No release is ${state} now.`}
        </Empty>
      )}
      <ul className={classes.list}>
        {fitting.slice(0, SHOWN).map(({ document, updatedAt }) => (
          <Row key={document.key} release={document} view={seen.get(document.key)} changedAt={updatedAt} />
        ))}
      </ul>
      {fitting.length > SHOWN && (
        <p className="soft">and {count(fitting.length - SHOWN)} more: search to find them.</p>
      )}
    </>
  );
}

type RowProps = { release: Release; view: ReleaseView | undefined; changedAt: string };

function Row({ release, view, changedAt }: RowProps) {
  const status = STATUS[statusOf(release)];
  const bad = view?.guards.filter((guard) => ['breached', 'unknown'].includes(guard.state)) ?? [];
  const stages = release.stages.length;
  const at = release.progress?.stage ?? 0;
  return (
    <li className="panel" data-release={release.key}>
      <div className={classes.row}>
        <div className={classes.rowName}>
          <Link to="/releases/$key" params={{ key: release.key }} className={classes.rowLink}>
            {release.name || release.key}
          </Link>
          <p className="soft">
            {release.flag} → {release.variant} in {release.environment}
          </p>
        </div>
        <div className={classes.rowState}>
          <span className="chip" data-tone={status.tone}>
            {status.word}
          </span>
          {isWatched(release) ? (
            <span className={classes.rowStage}>
              Stage {at + 1} of {stages}, “{release.stages[at]?.name}”
            </span>
          ) : (
            <span className="soft">
              {count(stages)} {stages === 1 ? 'stage' : 'stages'}, <Time at={changedAt} />
            </span>
          )}
        </div>
      </div>
      {bad.map((guard) => (
        <p key={guard.name} className={classes.rowReason}>
          <span className="chip" data-tone={guardWord(guard.state).tone}>
            {guardWord(guard.state).word}
          </span>{' '}
          {guard.name}: {plainly(guard.detail)}
        </p>
      ))}
      {isWatched(release) && bad.length === 0 && view?.reasons[0] && (
        <p className={classes.rowReason}>{plainly(view.reasons[0])}</p>
      )}
      {waitsForSomebody(release) &&
        bad.length === 0 &&
        !view?.reasons.some((own) => own.includes('approve')) && (
          <p className={classes.rowReason}>It waits for somebody’s approval.</p>
        )}
    </li>
  );
}
