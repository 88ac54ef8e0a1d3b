import { MultiSelect, SegmentedControl, Select, Switch, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { LocalInput } from '../calendar/LocalInput';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { type MayDo, RoleFields } from './RoleFields';

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
  const [may, setMay] = useState<MayDo>({ role: 'admin', bindings: [] });
  const [signed, setSigned] = useState(false);
  const [expires, setExpires] = useState<string>();
  const create = useMutation({
    mutationFn: useOnce(() =>
      body(
        api.POST('/api/v1/keys', {
          body: {
            name,
            type,
            expiresAt: expires,
            ...(type === 'api' ? may : { environment: where ?? '', venues }),
            ...(type === 'client' && signed ? { signedContexts: 'required' } : {}),
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
          { value: 'context', label: 'Signing' },
        ]}
      />
      {type === 'context' && (
        <Text size="sm" className="soft">
          For a backend that signs who its phones’ users are. It opens nothing, and only its public half is
          kept here.
        </Text>
      )}
      {type === 'client' && (
        <Switch
          label="Only with a context that a backend has signed"
          checked={signed}
          onChange={(event) => setSigned(event.currentTarget.checked)}
        />
      )}
      {type === 'api' && <RoleFields who="It" may={may} change={setMay} />}
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
