import { Text, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ChangeRequest } from '../api/client';
import { WhenFields } from '../calendar/WhenFields';
import { FormDialog } from '../shell/FormDialog';
import { problemsOf, within } from '../shell/fields';
import { useRewrite } from './rewrite';

type Props = { request: ChangeRequest; version: number; close: () => void };

/** Its author says anew what it is about, why, and when it is made. */
export function EditRequest({ request, version, close }: Props) {
  const [title, setTitle] = useState(request.title);
  const [message, setMessage] = useState(request.message ?? '');
  const [applyAt, setApplyAt] = useState(request.applyAt);
  // What it was when it was opened: what came meanwhile is not written over.
  const [seen] = useState({ request, version });
  const save = useRewrite(close);
  const at = problemsOf(save.error);
  return (
    <FormDialog
      title="Edit the change request"
      submit="Save"
      save={{
        mutate: () => save.mutate({ ...seen, part: { title, message, applyAt } }),
        error: save.error,
        isPending: save.isPending,
      }}
      close={close}
    >
      <TextInput
        label="Title"
        required
        value={title}
        error={at('title')}
        onChange={(event) => setTitle(event.currentTarget.value)}
        data-autofocus
      />
      <Textarea
        label="Why"
        autosize
        value={message}
        error={at('message')}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
      <WhenFields
        never="By somebody, once it is approved"
        when={applyAt}
        at={within(at, 'applyAt')}
        change={setApplyAt}
      />
      {!!request.approvals?.length && (
        <Text size="sm" className="soft">
          Whoever has approved it has to do so again.
        </Text>
      )}
    </FormDialog>
  );
}
