import { ActionIcon, Button, Group, Select, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Playbook } from '../api/client';
import { useOnce } from '../api/once';
import { moved, replaced, without } from '../releases/plan/change';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { keyOf, problemsOf, within } from '../shell/fields';
import { PlayFields } from './PlayFields';
import { PLAYS, type PlayKind, playKind, playOf } from './plays';

type Props = { initial: Playbook | undefined; version: number | undefined; close: () => void };

/** Writes a playbook. What it does is played in the order of its plays. */
export function PlaybookForm({ initial, version, close }: Props) {
  const environment = useEnvironment();
  const [playbook, setPlaybook] = useState<Playbook>(
    initial ?? { key: '', plays: [playOf('kill', environment)] },
  );
  const [ownKey, setOwnKey] = useState(initial !== undefined);
  const client = useQueryClient();
  const set = (part: Partial<Playbook>) => setPlaybook((own) => ({ ...own, ...part }));
  const save = useMutation({
    mutationFn: useOnce((own: Playbook) =>
      body(
        api.PUT('/api/v1/playbooks/{key}', {
          params: { path: { key: own.key } },
          headers: version === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` },
          body: own,
        }),
      ),
    ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['playbooks'] });
      close();
    },
  });
  const at = problemsOf(save.error);
  const { plays } = playbook;
  return (
    <FormDialog
      title={initial ? 'Change the playbook' : 'Write a playbook'}
      size="lg"
      submit="Save"
      save={{ mutate: () => save.mutate(playbook), error: save.error, isPending: save.isPending }}
      close={close}
    >
      <Group grow align="flex-start">
        <TextInput
          label="Name"
          required
          value={playbook.name ?? ''}
          error={at('name')}
          data-autofocus
          onChange={(event) => {
            const name = event.currentTarget.value;
            set({ name: name || undefined, ...(ownKey ? {} : { key: keyOf(name) }) });
          }}
        />
        <TextInput
          label="Key"
          required
          disabled={initial !== undefined}
          value={playbook.key}
          error={at('key')}
          onChange={(event) => {
            setOwnKey(event.currentTarget.value !== '');
            set({ key: event.currentTarget.value });
          }}
        />
      </Group>
      <Textarea
        label="When to run it"
        autosize
        value={playbook.description ?? ''}
        error={at('description')}
        onChange={(event) => set({ description: event.currentTarget.value || undefined })}
      />
      {at('plays') && (
        <Text size="sm" c="var(--killed)">
          {at('plays')}
        </Text>
      )}
      {plays.map((play, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: plays have no identity but their place
        <fieldset key={n} className="fieldset">
          <legend>Play {n + 1}</legend>
          <Select
            aria-label={`What play ${n + 1} does`}
            allowDeselect={false}
            value={playKind(play) ?? null}
            onChange={(kind) =>
              kind && set({ plays: replaced(plays, n, playOf(kind as PlayKind, environment, play)) })
            }
            data={Object.entries(PLAYS).map(([value, label]) => ({ value, label }))}
          />
          <PlayFields
            play={play}
            at={within(at, `plays[${n}]`)}
            change={(next) => set({ plays: replaced(plays, n, next) })}
          />
          <Group gap="xs" justify="flex-end" mt="xs">
            <ActionIcon
              variant="default"
              aria-label={`Move play ${n + 1} up`}
              disabled={n === 0}
              onClick={() => set({ plays: moved(plays, n, -1) })}
            >
              ↑
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label={`Take play ${n + 1} away`}
              disabled={plays.length === 1}
              onClick={() => set({ plays: without(plays, n) })}
            >
              ✕
            </ActionIcon>
          </Group>
        </fieldset>
      ))}
      <Group>
        <Button
          size="xs"
          variant="default"
          onClick={() => set({ plays: [...plays, playOf('notice', environment)] })}
        >
          Add a play
        </Button>
      </Group>
    </FormDialog>
  );
}
