import { PasswordInput, Select, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';
import { FormDialog } from '../shell/FormDialog';
import { ROLES } from './roles';

/** Lets somebody sign in. */
export function NewAccount({ close, made }: { close: () => void; made: () => void }) {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState('viewer');
  const create = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/users', { body: { email, name, password, role } }))),
    onSuccess: made,
  });
  return (
    <FormDialog title="Add somebody" submit="Add" save={create} close={close}>
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
      <PasswordInput
        label="Password"
        description="Ten characters or more; tell it to them yourself"
        required
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <Select
        label="Role"
        allowDeselect={false}
        data={ROLES}
        value={role}
        onChange={(chosen) => chosen && setRole(chosen)}
      />
    </FormDialog>
  );
}
