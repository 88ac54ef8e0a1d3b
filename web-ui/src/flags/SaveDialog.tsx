import { Alert, Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError, api, body, type Flag } from '../api/client';
import { count } from '../shell/numbers';
import { Failed } from '../shell/states';
import { Diff } from './Diff';
import { exposureWords } from './words';

type Props = {
  current: Flag;
  draft: { flag: Flag; base: Flag; version: string };
  environment: string;
  newest: string;
  close: () => void;
  saved: () => void;
};

/** What is about to change, how far it reaches, and why. */
export function SaveDialog({ current, draft, environment, newest, close, saved }: Props) {
  const [message, setMessage] = useState('');
  const [over, setOver] = useState(false);
  const client = useQueryClient();
  const document = { kind: 'flag', ...draft.flag };
  const reach = useQuery({
    queryKey: ['reach', environment, document],
    queryFn: () => body(api.POST('/api/v1/reach', { body: { changes: [{ put: document }], environment } })),
    retry: false,
  });
  const save = useMutation({
    mutationFn: () =>
      body(
        api.PUT('/api/v1/flags/{key}', {
          params: {
            path: { key: draft.flag.key },
            query: { message },
            header: { 'If-Match': over ? newest : draft.version },
          },
          body: draft.flag,
        }),
      ),
    onSuccess: () => {
      for (const key of ['flag', 'flags', 'board', 'history'])
        void client.invalidateQueries({ queryKey: [key] });
      saved();
    },
  });
  const conflict =
    (save.error instanceof ApiError && save.error.status === 412) || (draft.version !== newest && !over);
  const venues = reach.data?.venues ?? [];
  return (
    <Modal opened onClose={close} title="Review and save" size="xl">
      <Stack>
        {conflict && !over && (
          <Alert color="yellow" title="This flag was changed while you were editing" role="alert">
            <Text size="sm" mb={6}>
              This is what the other change did since you began:
            </Text>
            <Diff before={draft.base} after={current} />
            <Group mt="sm">
              <Button size="xs" variant="default" onClick={() => setOver(true)}>
                Save mine over it
              </Button>
              <Button size="xs" variant="default" onClick={saved}>
                Keep theirs
              </Button>
            </Group>
          </Alert>
        )}
        <section aria-label="What changes">
          <Diff before={current} after={draft.flag} />
        </section>
        <section aria-label="Reach">
          {reach.isPending && <Text size="sm">Working out whom it reaches…</Text>}
          {reach.error && <Failed error={reach.error} />}
          {reach.data && (
            <>
              <Text fw={600} size="sm">
                {venues.length === 0
                  ? 'No venue gets anything else.'
                  : `${venues.length} ${venues.length === 1 ? 'venue gets' : 'venues get'} something else, with ${count(reach.data.devices)} devices connected there now.`}
              </Text>
              <ul style={{ margin: '4px 0', paddingLeft: 20, fontSize: 14 }}>
                {venues.slice(0, 6).map((one) => (
                  <li key={`${one.flag} ${one.key}`}>
                    {one.name}: {exposureWords(one.before).text} → {exposureWords(one.after).text}
                  </li>
                ))}
                {venues.length > 6 && <li>and {venues.length - 6} more</li>}
              </ul>
              {reach.data.prerequisites.length > 0 && (
                <Text size="sm">Flags that lean on it: {reach.data.prerequisites.join(', ')}</Text>
              )}
            </>
          )}
        </section>
        <Textarea
          label="Why"
          description="Shown in the history"
          required
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
        {save.error && !conflict && <Failed error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Go on editing
          </Button>
          <Button
            loading={save.isPending}
            disabled={!message.trim() || (conflict && !over) || !!reach.error}
            onClick={() => save.mutate()}
          >
            Save
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
