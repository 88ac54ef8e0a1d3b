import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError, api, body, type Flag } from '../api/client';
import { useOnce } from '../api/once';
import { Dialog } from '../shell/Dialog';
import { Failed } from '../shell/states';
import { Conflict, type Draft } from './Conflict';
import { Diff } from './Diff';
import { reached, reachWords } from './reach';
import { exposureWords } from './words';

/** Venues that are named. */
const SHOWN = 6;

type Props = {
  /** The flag as it is saved now, and its version. */
  current: Flag;
  newest: string;
  draft: Draft;
  change: (draft: Draft) => void;
  close: () => void;
  saved: (seq?: number) => void;
};

/** What is about to change, how far it reaches, and why. */
export function SaveDialog({ current, newest, draft, change, close, saved }: Props) {
  const [message, setMessage] = useState('');
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: useOnce(() =>
      body(
        api.PUT('/api/v1/flags/{key}', {
          params: {
            path: { key: draft.flag.key },
            query: { message },
            header: { 'If-Match': draft.version },
          },
          body: draft.flag,
        }),
      ),
    ),
    onSuccess: ({ seq }) => {
      for (const key of ['flag', 'flags', 'board', 'history'])
        void client.invalidateQueries({ queryKey: [key] });
      saved(seq);
    },
    // Somebody was faster than the news of it.
    onError: () => client.invalidateQueries({ queryKey: ['flag', draft.flag.key] }),
  });
  const refused = save.error instanceof ApiError && save.error.status === 412;
  const conflict = draft.version !== newest;
  return (
    <Dialog title="Review and save" size="xl" close={close}>
      <Stack>
        {conflict && (
          <Conflict
            draft={draft}
            theirs={{ flag: current, base: current, version: newest }}
            choose={(chosen) => {
              save.reset();
              change(chosen);
            }}
            discard={() => saved()}
          />
        )}
        {!conflict && (
          <>
            <section aria-label="What changes">
              <Diff before={current} after={draft.flag} />
            </section>
            <ReachOf flag={draft.flag} over={newest} />
          </>
        )}
        <Textarea
          label="Why"
          description="Shown in the history"
          required
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
        {save.error && !(refused && conflict) && <Failed error={save.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Go on editing
          </Button>
          <Button
            loading={save.isPending}
            disabled={!message.trim() || conflict}
            onClick={() => save.mutate()}
          >
            Save
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** Whom a change of a flag would reach, in every environment. */
function ReachOf({ flag, over }: { flag: Flag; over: string }) {
  const document = { kind: 'flag', ...flag };
  const reach = useQuery({
    queryKey: ['reach', over, document],
    queryFn: () => body(api.POST('/api/v1/reach', { body: { changes: [{ put: document }] } })),
    retry: false,
  });
  const found = reach.data ? reached(reach.data) : [];
  return (
    <section aria-label="Reach" aria-live="polite">
      {reach.isPending && <Text size="sm">Working out whom it reaches…</Text>}
      {reach.error && <Failed error={reach.error} retry={() => reach.refetch()} />}
      {reach.data && (
        <>
          <Text fw={600} size="sm">
            {reachWords(reach.data)}
          </Text>
          <ul style={{ margin: '4px 0', paddingLeft: 20, fontSize: 14 }}>
            {found.slice(0, SHOWN).map((one) => (
              <li key={`${one.flag} ${one.environment} ${one.key}`}>
                {one.flag !== flag.key && `${one.flag} at `}
                {one.name} in {one.environment}: {exposureWords(one.before).text} →{' '}
                {exposureWords(one.after).text}
              </li>
            ))}
            {found.length > SHOWN && <li>and {found.length - SHOWN} more</li>}
          </ul>
          {reach.data.prerequisites.length > 0 && (
            <Text size="sm">Flags that lean on it: {reach.data.prerequisites.join(', ')}</Text>
          )}
        </>
      )}
    </section>
  );
}
