import { Checkbox, Select } from '@mantine/core';
import { useState } from 'react';
import type { RoleBinding } from '../api/client';
import { Places } from './Places';
import { ROLES } from './roles';

/** What somebody, or a key, may do: everywhere, and more in some places. */
export type MayDo = { role: string; bindings: RoleBinding[] };

type Props = {
  /** How whoever may do it is called: “They may do more in some places”. */
  who: 'They' | 'It';
  may: MayDo;
  change: (may: MayDo) => void;
};

/** Chooses it. An administrator of everything may do no more anywhere. */
export function RoleFields({ who, may, change }: Props) {
  const [more, setMore] = useState(may.bindings.length > 0);
  const first: RoleBinding = may.bindings[0] ?? { role: 'operator', environments: [], venues: [] };
  const bind = (part: Partial<RoleBinding>) => change({ ...may, bindings: [{ ...first, ...part }] });
  const they = who.toLowerCase();
  return (
    <>
      <Select
        label={`What ${they} may do everywhere`}
        allowDeselect={false}
        data={ROLES}
        value={may.role}
        onChange={(role) => role && change({ role, bindings: role !== 'admin' && more ? [first] : [] })}
      />
      {may.role !== 'admin' && (
        <Checkbox
          label={`${who} may do more in some places`}
          checked={more}
          onChange={(event) => {
            setMore(event.currentTarget.checked);
            change({ ...may, bindings: event.currentTarget.checked ? [first] : [] });
          }}
        />
      )}
      {may.role !== 'admin' && more && (
        <>
          <Select
            label={`What ${they} may do there`}
            allowDeselect={false}
            data={ROLES}
            value={first.role}
            onChange={(role) => role && bind({ role: role as RoleBinding['role'] })}
          />
          <Places
            environments={first.environments ?? []}
            venues={first.venues ?? []}
            setEnvironments={(environments) => bind({ environments })}
            setVenues={(venues) => bind({ venues })}
          />
        </>
      )}
    </>
  );
}
