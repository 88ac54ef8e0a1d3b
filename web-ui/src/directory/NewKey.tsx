import { MultiSelect, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { ROLES } from './roles';

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
  const create = useMutation({
    mutationFn: useOnce(() =>
      body(
        api.POST('/api/v1/keys', {
          body: {
            name,
            type,
            venues: type === 'api' ? [] : venues,
            ...(type === 'api' ? { role } : { environment: where ?? '' }),
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
        <Select
          label="What it may do"
          allowDeselect={false}
          data={ROLES}
          value={role}
          onChange={(chosen) => chosen && setRole(chosen)}
        />
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
    </FormDialog>
  );
}
