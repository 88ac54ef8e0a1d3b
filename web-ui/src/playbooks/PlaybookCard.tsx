import { Alert, Button, Group, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, body, type Playbook } from '../api/client';
import { useOnce } from '../api/once';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { HoldButton } from '../flags/HoldButton';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import { useNames } from './names';
import { Rehearsals } from './Rehearsals';
import { useMayPlay } from './rights';
import { playWords } from './words';

/** What a playbook does, and its button. */
export function PlaybookCard({ playbook, edit }: { playbook: Playbook; edit: () => void }) {
  const names = useNames();
  const [runsSome, writesSome] = [useMay('operator'), useMay('editor')];
  const [mayRun, mayWrite] = [useMayPlay('operator')(playbook.plays), useMayPlay('editor')(playbook.plays)];
  const [why, setWhy] = useState('');
  const client = useQueryClient();
  const run = useMutation({
    mutationFn: useOnce((message: string) =>
      body(
        api.POST('/api/v1/playbooks/{key}/run', {
          params: { path: { key: playbook.key } },
          body: { message: message || null },
        }),
      ),
    ),
    onSuccess: () => {
      setWhy('');
      for (const what of ['board', 'flags', 'flag', 'releases', 'release', 'history'])
        void client.invalidateQueries({ queryKey: [what] });
    },
  });
  const remove = useMutation({
    mutationFn: () =>
      body(api.DELETE('/api/v1/playbooks/{key}', { params: { path: { key: playbook.key } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['playbooks'] }),
  });
  const name = playbook.name || playbook.key;
  return (
    <section
      id={playbook.key}
      tabIndex={-1}
      className="panel"
      style={{ marginBottom: 12, scrollMarginTop: 72 }}
      aria-label={name}
    >
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ minWidth: 0, flex: '1 1 260px' }}>
          <h2 style={{ margin: 0, fontSize: 17, overflowWrap: 'anywhere' }}>{name}</h2>
          {playbook.description && <Text size="sm">{playbook.description}</Text>}
          <Text size="xs" className="soft" ff="monospace">
            {playbook.key}
          </Text>
        </div>
        {runsSome && (
          <Group gap="sm" style={{ flex: '0 1 auto' }}>
            <TextInput
              aria-label={`Why ${name} is run`}
              placeholder="Why, for the history"
              value={why}
              onChange={(event) => setWhy(event.currentTarget.value)}
            />
            <HoldButton
              aria-label={`Run ${name}`}
              loading={run.isPending}
              disabled={!mayRun}
              onHeld={() => run.mutate(why.trim())}
            >
              Run
            </HoldButton>
          </Group>
        )}
      </Group>
      <ol style={{ margin: '10px 0', paddingLeft: 22, fontSize: 14.5 }}>
        {playbook.plays.map((play, n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: plays have no identity but their place
          <li key={n} style={{ overflowWrap: 'anywhere' }}>
            {playWords(play, names)}
          </li>
        ))}
      </ol>
      {((runsSome && !mayRun) || (writesSome && !mayWrite)) && (
        <Text size="sm" className="soft" mb="xs">
          It acts in places where you may not {mayRun ? 'change' : 'run'} it.
        </Text>
      )}
      {run.error && <Failed error={run.error} />}
      {run.data && (
        <Alert color="teal" variant="light" title="Done" my="sm" role="status">
          <Text size="sm">
            {run.data.changed.length === 0
              ? 'There was nothing to change: all was so already.'
              : `Changed ${run.data.changed.join(', ')} in commit ${run.data.seq}. `}
            {run.data.changed.length > 0 && (
              <Link to="/history" search={{}} className="plain-link">
                History
              </Link>
            )}
          </Text>
          {run.data.leftOut.map((own) => (
            <Text size="sm" key={own}>
              Left out: {own}
            </Text>
          ))}
          {run.data.changed.length > 0 && <ConvergenceLine seq={run.data.seq} />}
        </Alert>
      )}
      <Rehearsals playbook={playbook} />
      {writesSome && (
        <Group gap="sm" mt="sm">
          <Button
            size="xs"
            variant="default"
            disabled={!mayWrite}
            aria-label={`Change ${name}`}
            onClick={edit}
          >
            Change
          </Button>
          <HoldButton
            size="xs"
            aria-label={`Delete ${name}`}
            disabled={!mayWrite}
            loading={remove.isPending}
            onHeld={() => remove.mutate()}
          >
            Delete
          </HoldButton>
        </Group>
      )}
      {remove.error && <Failed error={remove.error} />}
    </section>
  );
}
