import { Select } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Account, api, body, type RoleBinding } from '../api/client';
import { FormDialog } from '../shell/FormDialog';
import { Places } from './Places';
import { ROLES } from './roles';

/** Gives somebody a role in some environments, at some venues, beside what they may do already. */
export function BindRole({
  account,
  close,
  made,
}: {
  account: Account;
  close: () => void;
  made: () => void;
}) {
  const [role, setRole] = useState<string>('operator');
  const [within, setWithin] = useState<string[]>([]);
  const [venues, setVenues] = useState<string[]>([]);
  const add = useMutation({
    mutationFn: () => {
      const binding = { role: role as RoleBinding['role'], environments: within, venues };
      const bindings = [...account.bindings, binding];
      return body(
        api.PUT('/api/v1/users/{key}', { params: { path: { key: account.key } }, body: { bindings } }),
      );
    },
    onSuccess: made,
  });
  return (
    <FormDialog title={`Let ${account.name} do more in some places`} submit="Allow" save={add} close={close}>
      <Select
        label="Role"
        allowDeselect={false}
        data={ROLES.filter((one) => one.value !== 'viewer')}
        value={role}
        onChange={(chosen) => chosen && setRole(chosen)}
        data-autofocus
      />
      <Places environments={within} venues={venues} setEnvironments={setWithin} setVenues={setVenues} />
    </FormDialog>
  );
}
