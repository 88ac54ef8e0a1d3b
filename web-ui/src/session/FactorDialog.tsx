import { PasswordInput, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { Dialog } from '../shell/Dialog';
import { FormDialog } from '../shell/FormDialog';
import { FactorSetup } from './FactorSetup';

/** Sets one's own second factor up, or takes it away; `has` is how it was when this was opened. */
export function FactorDialog({ has, close }: { has: boolean; close: () => void }) {
  const client = useQueryClient();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const end = () => {
    void client.invalidateQueries({ queryKey: ['session'] });
    close();
  };
  const remove = useMutation({
    mutationFn: () => api.POST('/api/v1/session/factor/remove', { body: { password, code } }),
    onSuccess: end,
  });
  if (!has)
    return (
      <Dialog title="Second factor" close={end}>
        <FactorSetup done={end} />
      </Dialog>
    );
  return (
    <FormDialog title="Second factor" submit="Take it away" save={remove} close={close}>
      <Text size="sm">
        You have one. To use another app, take it away and set it up again; for that you need it once more.
      </Text>
      <PasswordInput
        label="Your password, again"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label="Code, or recovery code"
        autoComplete="one-time-code"
        required
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
