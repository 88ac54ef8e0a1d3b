import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Playbook } from '../api/client';
import { queries } from '../api/queries';
import { useChosen } from '../shell/chosen';
import { useMay } from '../shell/may';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import { PlaybookCard } from './PlaybookCard';
import { PlaybookForm } from './PlaybookForm';

/** What is done in an emergency: each playbook, to be run, rehearsed and changed. */
export function PlaybooksPage() {
  const playbooks = useQuery(queries.playbooks());
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<{ playbook?: Playbook; version?: number }>();
  const mayWrite = useMay('editor');
  const wanted = search.toLowerCase();
  const items = playbooks.data?.items ?? [];
  const fitting = items.filter(({ document: own }) =>
    [own.key, own.name, own.description].some((text) => text?.toLowerCase().includes(wanted)),
  );
  useChosen(playbooks.data !== undefined);
  return (
    <>
      <Head
        title="Playbooks"
        about={
          playbooks.data && `${count(items.length)} for emergencies. Each runs in one commit, or not at all.`
        }
      >
        <TextInput
          aria-label="Search playbooks"
          placeholder="Name, when to run it"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {mayWrite && <Button onClick={() => setEditing({})}>Write a playbook</Button>}
      </Head>
      {playbooks.isPending && <Loading what="playbooks" />}
      {playbooks.error && <Failed error={playbooks.error} retry={() => playbooks.refetch()} />}
      {playbooks.data && fitting.length === 0 && (
        <Empty>
          {search
            ? `No playbook fits “${search}”.`
            : 'There are no playbooks yet. One says beforehand what is done when something goes wrong: kills, variants for venues, a notice.'}
        </Empty>
      )}
      {fitting.map(({ document, version }) => (
        <PlaybookCard
          key={document.key}
          playbook={document}
          edit={() => setEditing({ playbook: document, version })}
        />
      ))}
      {editing && (
        <PlaybookForm
          initial={editing.playbook}
          version={editing.version}
          close={() => setEditing(undefined)}
        />
      )}
    </>
  );
}
