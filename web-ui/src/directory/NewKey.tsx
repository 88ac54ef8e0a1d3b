import { Checkbox, MultiSelect, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type RoleBinding } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { LocalInput } from '../calendar/LocalInput';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { Places } from './Places';
import { ROLES } from './roles';

/** A time is by the clock of whoever chooses it. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Makes a key, and tells its secret. */
export function NewKey({ close, made }: { close: () => void; made: (secret: string) => void }) {
  const environment = useEnvironment();
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  const places = useQuery(queries.venues()).data?.items ?? [];
  const [name, setName] = useState('');
  const [type, setType] = useState('server');
  const [where, setWhere] = useState<string | null>(environment);
  const [venues, setVenues] = useState<string[]>([]);
  const [role, setRole] = useState('admin');
  const [more, setMore] = useState(false);
  const [placeRole, setPlaceRole] = useState<RoleBinding['role']>('operator');
  const [within, setWithin] = useState<string[]>([]);
  const [expires, setExpires] = useState<string>();
  const inPlaces = role !== 'admin' && more;
  const create = useMutation({
    mutationFn: useOnce(() =>
      body(
        api.POST('/api/v1/keys', {
          body: {
            name,
            type,
            expiresAt: expires,
            ...(type === 'api'
              ? {
                  role,
                  bindings: inPlaces ? [{ role: placeRole, environments: within, venues }] : [],
                }
              : { environment: where ?? '', venues }),
          },
        }),
      ),
    ),
    onSuccess: (answer) => made(answer.secret),
  });
  return (
    <FormDialog title="Create a key" submit="Create" save={create} close={close}>
      <TextInput
        label="What it is for"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <SegmentedControl
        aria-label="Kind"
        value={type}
        onChange={setType}
        data={[
          { value: 'server', label: 'Server' },
          { value: 'client', label: 'Phones' },
          { value: 'api', label: 'Automation' },
        ]}
      />
      {type === 'api' && (
        <>
          <Select
            label="What it may do everywhere"
            allowDeselect={false}
            data={ROLES}
            value={role}
            onChange={(chosen) => chosen && setRole(chosen)}
          />
          {role !== 'admin' && (
            <Checkbox
              label="It may do more in some places"
              checked={more}
              onChange={(event) => setMore(event.currentTarget.checked)}
            />
          )}
          {inPlaces && (
            <>
              <Select
                label="What it may do there"
                allowDeselect={false}
                data={ROLES}
                value={placeRole}
                onChange={(chosen) => chosen && setPlaceRole(chosen as RoleBinding['role'])}
              />
              <Places
                environments={within}
                venues={venues}
                setEnvironments={setWithin}
                setVenues={setVenues}
              />
            </>
          )}
        </>
      )}
      {type !== 'api' && (
        <>
          <Select
            label="Environment"
            value={where}
            onChange={setWhere}
            data={environments.map((one) => ({ value: one.key, label: one.name }))}
          />
          <MultiSelect
            label="Only for these venues"
            placeholder="All venues"
            searchable
            limit={50}
            value={venues}
            onChange={setVenues}
            data={places.map(({ document }) => ({ value: document.key, label: document.name }))}
          />
        </>
      )}
      <LocalInput
        label="Refused from then on"
        zone={ZONE}
        value={expires}
        error={undefined}
        change={setExpires}
      />
    </FormDialog>
  );
}
