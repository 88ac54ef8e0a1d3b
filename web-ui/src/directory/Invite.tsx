import { Select, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Invited } from '../api/client';
import { useOnce } from '../api/once';
import { FormDialog } from '../shell/FormDialog';
import { ROLES } from './roles';

/** Invites somebody: they set their own password, with a link. */
export function Invite({ close, made }: { close: () => void; made: (invited: Invited) => void }) {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const invite = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/invitations', { body: { email, name, role } }))),
    onSuccess: made,
  });
  return (
    <FormDialog title="Invite somebody" submit="Make a link" save={invite} close={close}>
      <Text size="sm">You get a link to send them. Usher sends no mail.</Text>
      <TextInput
        label="Name"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label="E-mail"
        type="email"
        required
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <Select
        label="Role"
        description="What they may do in some places can be added afterwards"
        allowDeselect={false}
        data={ROLES}
        value={role}
        onChange={(chosen) => chosen && setRole(chosen)}
      />
    </FormDialog>
  );
}
