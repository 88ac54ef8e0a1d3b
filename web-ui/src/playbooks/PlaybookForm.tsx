import { Group, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Playbook } from '../api/client';
import { useOnce } from '../api/once';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { keyOf, problemsOf } from '../shell/fields';
import { PlaysEditor } from './PlaysEditor';
import { playOf } from './plays';

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
      <PlaysEditor plays={playbook.plays} at={at} change={(plays) => set({ plays })} />
    </FormDialog>
  );
}
