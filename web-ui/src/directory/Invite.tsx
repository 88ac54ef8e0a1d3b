import { Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Invited } from '../api/client';
import { useOnce } from '../api/once';
import { FormDialog } from '../shell/FormDialog';
import { NOBODY, PersonFields } from './PersonFields';

/** Invites somebody: they set their own password, with a link. */
export function Invite({ close, made }: { close: () => void; made: (invited: Invited) => void }) {
  const [person, setPerson] = useState(NOBODY);
  const invite = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/invitations', { body: person }))),
    onSuccess: made,
  });
  return (
    <FormDialog title="Invite somebody" submit="Make a link" save={invite} close={close}>
      <Text size="sm">You get a link to send them. Usher sends no mail.</Text>
      <PersonFields person={person} change={setPerson} />
    </FormDialog>
  );
}
