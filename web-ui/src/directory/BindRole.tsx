import { Select } from '@mantine/core';
import { useState } from 'react';
import type { Account, RoleBinding } from '../api/client';
import { FormDialog } from '../shell/FormDialog';
import { Places } from './Places';
import { RightsRefused } from './RightsRefused';
import { useRightsChange } from './rightsChange';
import { ROLES } from './roles';

type Props = {
  /** As it is now: what they may do already stays, and what was taken away meanwhile is gone. */
  account: Account;
  close: () => void;
  made: () => void;
};

/** Gives somebody a role in some environments, at some venues, beside what they may do already. */
export function BindRole({ account, close, made }: Props) {
  const [role, setRole] = useState<string>('operator');
  const [within, setWithin] = useState<string[]>([]);
  const [venues, setVenues] = useState<string[]>([]);
  const add = useRightsChange(made);
  const binding = { role: role as RoleBinding['role'], environments: within, venues };
  return (
    <FormDialog
      title={`Let ${account.name} do more in some places`}
      submit="Allow"
      save={{
        mutate: () => add.mutate({ account, bindings: [...account.bindings, binding] }),
        error: null,
        isPending: add.isPending,
      }}
      close={close}
    >
      <Select
        label="Role"
        allowDeselect={false}
        data={ROLES.filter((one) => one.value !== 'viewer')}
        value={role}
        onChange={(chosen) => chosen && setRole(chosen)}
        data-autofocus
      />
      <Places environments={within} venues={venues} setEnvironments={setWithin} setVenues={setVenues} />
      {add.error && <RightsRefused error={add.error} name={account.name} />}
    </FormDialog>
  );
}
