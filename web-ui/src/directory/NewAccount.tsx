import { PasswordInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';
import { FormDialog } from '../shell/FormDialog';
import { NOBODY, PersonFields } from './PersonFields';

/** Lets somebody sign in. */
export function NewAccount({ close, made }: { close: () => void; made: () => void }) {
  const [person, setPerson] = useState(NOBODY);
  const [password, setPassword] = useState('');
  const create = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/users', { body: { ...person, password } }))),
    onSuccess: made,
  });
  return (
    <FormDialog title="Add somebody" submit="Add" save={create} close={close}>
      <PersonFields person={person} change={setPerson}>
        <PasswordInput
          label="Password"
          description="Ten characters or more; tell it to them yourself"
          required
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      </PersonFields>
    </FormDialog>
  );
}
