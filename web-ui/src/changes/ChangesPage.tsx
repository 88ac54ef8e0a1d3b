import { SegmentedControl, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ChangeRequest, Person, Standing } from '../api/client';
import { queries } from '../api/queries';
import { WhenWords } from '../calendar/WhenWords';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './changes.module.css';
import { approvalWords, stateOf, touched, waitsFor } from './words';

/** Requests that are drawn; a search finds the rest. */
const SHOWN = 100;

const STATES: { value: ChangeRequest['status']; label: string; none: string }[] = [
  { value: 'open', label: 'Open', none: 'No change request is open.' },
  { value: 'merged', label: 'Made', none: 'No change request was made yet.' },
  { value: 'closed', label: 'Closed', none: 'No change request was closed.' },
];

type Item = { document: ChangeRequest; standing?: Standing | null; updatedAt: string };

const COLUMNS: Column<Item>[] = [
  { key: 'key', title: 'Key', of: ({ document }) => document.key },
  { key: 'title', title: 'Title', of: ({ document }) => document.title },
  { key: 'state', title: 'State', of: ({ document, standing }) => stateOf(document, standing).word },
  { key: 'author', title: 'Asked for by', of: ({ document }) => document.author.name },
  { key: 'opened', title: 'Opened', of: ({ document }) => document.opened },
  { key: 'approvals', title: 'Approvals', of: ({ standing }) => standing && approvalWords(standing) },
  { key: 'changes', title: 'Changes', of: ({ document }) => touched(document.changes).join(', ') },
  { key: 'updatedAt', title: 'Last change', of: ({ updatedAt }) => updatedAt },
];

/** Changes that somebody asks for: what waits for whoever looks at this comes first. */
export function ChangesPage() {
  const [search, setSearch] = useState('');
  const [state, setState] = useState<ChangeRequest['status']>('open');
  const found = useQuery(queries.changes(state, search));
  const open = useQuery(queries.openChanges());
  const me = useQuery(queries.session()).data?.user;
  const mine = (item: { document: ChangeRequest; standing?: Standing | null }) =>
    me && waitsFor(item.document, item.standing, me) ? 0 : 1;
  const items = [...(found.data?.items ?? [])]
    // What was there before, while another state is fetched, is not shown as if it were of this one.
    .filter(({ document }) => document.status === state)
    .sort((a, b) => mine(a) - mine(b) || b.updatedAt.localeCompare(a.updatedAt));
  const waiting = (open.data?.items ?? []).filter((item) => mine(item) === 0).length;
  return (
    <>
      <Head
        title="Changes"
        about={open.data && `${count(open.data.total)} open, ${count(waiting)} wait for you`}
      >
        <TextInput
          aria-label="Search change requests"
          placeholder="Title, key"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Export name="changes" table={{ columns: COLUMNS, rows: items }} />
      </Head>
      <SegmentedControl
        aria-label="State"
        mb="md"
        size="xs"
        value={state}
        onChange={(value) => setState(value as ChangeRequest['status'])}
        data={STATES.map(({ value, label }) => ({ value, label }))}
      />
      {found.isPending && <Loading what="change requests" />}
      {found.error && <Failed error={found.error} retry={() => found.refetch()} />}
      {found.data && !found.isPlaceholderData && items.length === 0 && (
        <Empty>
          {search
            ? `No change request here fits “${search}”.`
            : `${STATES.find(({ value }) => value === state)?.none} An environment that asks for approvals takes what its clients notice as one, and makes it once somebody else has looked at it.`}
        </Empty>
      )}
      <ul className={classes.list}>
        {items.slice(0, SHOWN).map((item) => (
          <Row
            key={item.document.key}
            request={item.document}
            standing={item.standing}
            changedAt={item.updatedAt}
            me={me}
          />
        ))}
      </ul>
      {items.length > SHOWN && (
        <p className="soft">and {count(items.length - SHOWN)} more: search to find them.</p>
      )}
    </>
  );
}

type RowProps = {
  request: ChangeRequest;
  standing: Standing | null | undefined;
  changedAt: string;
  me: Person | undefined;
};

function Row({ request, standing, changedAt, me }: RowProps) {
  const state = stateOf(request, standing);
  const names = touched(request.changes);
  return (
    <li className="panel" data-change={request.key}>
      <div className={classes.row}>
        <div className={classes.what}>
          <Link to="/changes/$key" params={{ key: request.key }} className={classes.link}>
            {request.title}
          </Link>
          <p className="soft">
            {request.author.name}, <Time at={request.opened} />: {names.slice(0, 3).join(', ')}
            {names.length > 3 && ` and ${names.length - 3} more`}
          </p>
          {request.applyAt !== undefined && request.status === 'open' && (
            <p>
              Made by itself <WhenWords when={request.applyAt} />
            </p>
          )}
        </div>
        <div className={classes.state}>
          <span className="chip" data-tone={state.tone}>
            {state.word}
          </span>
          {standing ? (
            <span>{approvalWords(standing)}</span>
          ) : (
            <span className="soft">
              <Time at={changedAt} />
            </span>
          )}
          {me && waitsFor(request, standing, me) && <b>Waits for you</b>}
        </div>
      </div>
    </li>
  );
}
