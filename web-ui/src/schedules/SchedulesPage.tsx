import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Schedule } from '../api/client';
import { queries } from '../api/queries';
import classes from '../calendar/calendar.module.css';
import { useNames } from '../playbooks/names';
import { playWords } from '../playbooks/words';
import { useChosen } from '../shell/chosen';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { useMay } from '../shell/may';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { ScheduleForm } from './ScheduleForm';
import { ScheduleRow } from './ScheduleRow';
import { inOrder, scheduleWord } from './words';

/** Schedules that are over and are drawn; a search finds the rest. */
const SHOWN = 100;

/** What the server does by itself, and what became of what it was to do. */
export function SchedulesPage() {
  const schedules = useQuery(queries.schedules());
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<{ schedule?: Schedule; version?: number }>();
  const names = useNames();
  const mayWrite = useMay('editor');
  const wanted = search.toLowerCase();
  const items = schedules.data?.items ?? [];
  const { coming, over } = inOrder(
    items.filter(({ document: own }) =>
      [own.key, own.name, own.description].some((text) => text?.toLowerCase().includes(wanted)),
    ),
  );
  useChosen(schedules.data !== undefined);
  const columns: Column<(typeof items)[number]>[] = [
    { key: 'key', title: 'Key', of: ({ document }) => document.key },
    { key: 'name', title: 'Schedule', of: ({ document }) => document.name },
    { key: 'due', title: 'Due', of: ({ due }) => due?.at },
    { key: 'state', title: 'State', of: ({ document, due }) => scheduleWord(document, due).word },
    {
      key: 'plays',
      title: 'What it does',
      of: ({ document }) => document.plays.map((play) => playWords(play, names)).join('; '),
    },
    { key: 'endedAt', title: 'Ended', of: ({ document }) => document.outcome?.at },
  ];
  const rows = (own: typeof items) =>
    own.map(({ document, version, due }) => (
      <ScheduleRow
        key={document.key}
        schedule={document}
        due={due}
        version={version}
        edit={() => setEditing({ schedule: document, version })}
      />
    ));
  return (
    <>
      <Head
        title="Schedules"
        about={
          schedules.data &&
          `${count(coming.length)} to come. Each is done once, in one commit, or not at all.`
        }
      >
        <TextInput
          aria-label="Search schedules"
          placeholder="Name, key"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Export name="schedules" table={{ columns: columns, rows: [...coming, ...over] }} />
        {mayWrite && <Button onClick={() => setEditing({})}>Schedule something</Button>}
      </Head>
      {schedules.isPending && <Loading what="schedules" />}
      {schedules.error && <Failed error={schedules.error} retry={() => schedules.refetch()} />}
      {schedules.data && coming.length + over.length === 0 && (
        <Empty>
          {search
            ? `No schedule fits “${search}”.`
            : 'There are no schedules yet. At its time the server does by itself what one says: turn a flag on at a venue when its doors open, or kill it when they close.'}
        </Empty>
      )}
      {coming.length > 0 && <ul className={classes.list}>{rows(coming)}</ul>}
      {over.length > 0 && (
        <section aria-labelledby="over-title">
          <div className={classes.head} style={{ marginTop: 16 }}>
            <h2 id="over-title">What became of those before</h2>
          </div>
          <ul className={classes.list}>{rows(over.slice(0, SHOWN))}</ul>
          {over.length > SHOWN && (
            <p className="soft">and {count(over.length - SHOWN)} more: search to find them.</p>
          )}
        </section>
      )}
      {editing && (
        <ScheduleForm
          initial={editing.schedule}
          version={editing.version}
          close={() => setEditing(undefined)}
        />
      )}
    </>
  );
}
