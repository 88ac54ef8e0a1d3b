import { MultiSelect, Select } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Account, api, body, type RoleBinding } from '../api/client';
import { queries } from '../api/queries';
import { FormDialog } from '../shell/FormDialog';
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
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  const places = useQuery(queries.venues()).data?.items ?? [];
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
      <MultiSelect
        label="In these environments"
        placeholder="All environments"
        value={within}
        onChange={setWithin}
        data={environments.map((one) => ({ value: one.key, label: one.name }))}
      />
      <MultiSelect
        label="At these venues"
        placeholder="All venues"
        searchable
        limit={50}
        value={venues}
        onChange={setVenues}
        data={places.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
    </FormDialog>
  );
}
