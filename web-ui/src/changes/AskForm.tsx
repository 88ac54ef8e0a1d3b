import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { WhenFields } from '../calendar/WhenFields';
import { problemsOf, useProblemFocus, within } from '../shell/fields';
import { Failed } from '../shell/states';
import { type Wish, wishTitle } from '../shell/wish';
import { type NewRequest, useAskFor } from './actions';

type Props = { wish: Wish; leave: () => void; asked: (key: string) => void };

/** Asks a second person for a change: what it is about, why, and when it is made once it is approved. */
export function AskForm({ wish, leave, asked }: Props) {
  const [request, setRequest] = useState<NewRequest>({ ...wish, title: wishTitle(wish), message: '' });
  const ask = useAskFor(asked);
  const at = problemsOf(ask.error);
  const form = useProblemFocus(ask.error);
  const set = (part: Partial<NewRequest>) => setRequest((own) => ({ ...own, ...part }));
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        // It may stand in a dialog of another form, which is not sent with it.
        event.stopPropagation();
        ask.mutate(request);
      }}
    >
      <Stack>
        <TextInput
          label="Title"
          required
          value={request.title}
          error={at('title')}
          onChange={(event) => set({ title: event.currentTarget.value })}
          data-autofocus
        />
        <Textarea
          label="Why"
          description="For whoever looks at it"
          autosize
          value={request.message}
          error={at('message')}
          onChange={(event) => set({ message: event.currentTarget.value })}
        />
        <WhenFields
          never="By somebody, once it is approved"
          when={request.applyAt}
          at={within(at, 'applyAt')}
          change={(applyAt) => set({ applyAt })}
        />
        {ask.error && <Failed error={ask.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={leave}>
            Leave it as it is
          </Button>
          <Button type="submit" loading={ask.isPending}>
            Ask for it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
