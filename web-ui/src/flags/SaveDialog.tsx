import { Alert, Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError, AskedFor, api, body, type Flag } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useAskFor } from '../changes/actions';
import { Dialog } from '../shell/Dialog';
import { Failed } from '../shell/states';
import { versionOf, wishFor, wishTitle } from '../shell/wish';
import { asking, askingWords } from './asking';
import { Conflict, type Draft } from './Conflict';
import { Diff } from './Diff';
import { ReachList } from './ReachList';

type Props = {
  /** The flag as it is saved now, and its version. */
  current: Flag;
  newest: string;
  draft: Draft;
  change: (draft: Draft) => void;
  close: () => void;
  saved: (seq?: number) => void;
  /** A change request asks for it now. */
  asked: (request: string) => void;
};

/**
 * What is about to change, how far it reaches, and why. Where somebody else has to look at it first, it is asked for;
 * who saves it all the same is asked why it can't wait.
 */
export function SaveDialog({ current, newest, draft, change, close, saved, asked }: Props) {
  const [message, setMessage] = useState('');
  const wish = wishFor('flag', draft.flag, versionOf(draft.version));
  const [title, setTitle] = useState(wishTitle(wish));
  const environments = useQuery(queries.environments()).data?.items ?? [];
  const guards = asking(
    current,
    draft.flag,
    environments.map(({ document }) => document),
  );
  const ask = useAskFor(asked);
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
    onError: (error) => {
      if (error instanceof AskedFor) return asked(error.request);
      return client.invalidateQueries({ queryKey: ['flag', draft.flag.key] });
    },
  });
  const refused = save.error instanceof ApiError && save.error.isOutdated;
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
        {guards.length > 0 && (
          <Alert className="notice" color="yellow" title={askingWords(guards)}>
            <Text size="sm">
              Ask for it: it is made once others have looked at it. Saving it at once needs a reason why it
              can’t wait.
            </Text>
          </Alert>
        )}
        {guards.length > 0 && (
          <TextInput
            label="Title"
            description="What you ask for, in a line"
            value={title}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
        )}
        <Textarea
          label="Why"
          description={guards.length > 0 ? 'For whoever looks at it' : 'Shown in the history'}
          required
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
        {save.error && !(refused && conflict) && <Failed error={save.error} />}
        {ask.error && <Failed error={ask.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Go on editing
          </Button>
          <Button
            variant={guards.length > 0 ? 'default' : 'filled'}
            loading={save.isPending}
            disabled={!message.trim() || conflict || ask.isPending}
            onClick={() => save.mutate()}
          >
            {guards.length > 0 ? 'Save at once' : 'Save'}
          </Button>
          {guards.length > 0 && (
            <Button
              loading={ask.isPending}
              disabled={!message.trim() || !title.trim() || conflict || save.isPending}
              onClick={() => ask.mutate({ ...wish, title, message })}
            >
              Ask for it
            </Button>
          )}
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
  return (
    <section aria-label="Reach" aria-live="polite">
      {reach.isPending && <Text size="sm">Working out whom it reaches…</Text>}
      {reach.error && <Failed error={reach.error} retry={() => reach.refetch()} />}
      {reach.data && <ReachList reach={reach.data} own={flag.key} />}
    </section>
  );
}
