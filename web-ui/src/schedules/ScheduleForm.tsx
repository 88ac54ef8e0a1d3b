import { Group, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Schedule } from '../api/client';
import { useOnce } from '../api/once';
import { WhenFields } from '../calendar/WhenFields';
import { PlaysEditor } from '../playbooks/PlaysEditor';
import { playOf } from '../playbooks/plays';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { keyOf, problemsOf, within } from '../shell/fields';

type Props = { initial: Schedule | undefined; version: number | undefined; close: () => void };

/** Says what the server does by itself, and when. */
export function ScheduleForm({ initial, version, close }: Props) {
  const environment = useEnvironment();
  const [schedule, setSchedule] = useState<Schedule>(
    initial ?? { key: '', at: { local: '', venue: '' }, plays: [playOf('on', environment)] },
  );
  const [ownKey, setOwnKey] = useState(initial !== undefined);
  const client = useQueryClient();
  const set = (part: Partial<Schedule>) => setSchedule((own) => ({ ...own, ...part }));
  const save = useMutation({
    mutationFn: useOnce((own: Schedule) =>
      body(
        api.PUT('/api/v1/schedules/{key}', {
          params: { path: { key: own.key } },
          headers: version === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` },
          body: own,
        }),
      ),
    ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['schedules'] });
      close();
    },
  });
  const at = problemsOf(save.error);
  return (
    <FormDialog
      title={initial ? `Change ${initial.name || initial.key}` : 'Schedule something'}
      size="lg"
      submit="Save"
      save={{ mutate: () => save.mutate(schedule), error: save.error, isPending: save.isPending }}
      close={close}
    >
      <Group grow align="flex-start">
        <TextInput
          label="Name"
          required={initial === undefined}
          value={schedule.name ?? ''}
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
          value={schedule.key}
          error={at('key')}
          onChange={(event) => {
            setOwnKey(event.currentTarget.value !== '');
            set({ key: event.currentTarget.value });
          }}
        />
      </Group>
      <Textarea
        label="What it is for"
        autosize
        value={schedule.description ?? ''}
        error={at('description')}
        onChange={(event) => set({ description: event.currentTarget.value || undefined })}
      />
      <WhenFields
        when={schedule.at}
        at={within(at, 'at')}
        change={(when) => when !== undefined && set({ at: when })}
      />
      <TextInput
        label="How late it may be"
        description="If no server could do it in time: later, it is left out"
        placeholder="15m"
        value={schedule.latest ?? ''}
        error={at('latest')}
        onChange={(event) => set({ latest: event.currentTarget.value.trim() || undefined })}
      />
      <PlaysEditor plays={schedule.plays} at={at} change={(plays) => set({ plays })} />
      {initial?.outcome && (
        <Text size="sm" className="soft">
          It is done again only at another time, which has to be to come.
        </Text>
      )}
    </FormDialog>
  );
}
