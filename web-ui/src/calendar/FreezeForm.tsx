import { Group, MultiSelect, SegmentedControl, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Freeze } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { FormDialog } from '../shell/FormDialog';
import { keyOf, problemsOf, within } from '../shell/fields';
import { LocalInput } from './LocalInput';
import { isZone } from './zone';

type Props = {
  initial: Freeze | undefined;
  version: number | undefined;
  venue: string | undefined;
  close: () => void;
};

/** Forbids changes at venues, for a time or around each event there. */
export function FreezeForm({ initial, version, venue, close }: Props) {
  const environment = useEnvironment();
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  const [freeze, setFreeze] = useState<Freeze>(
    initial ?? {
      key: '',
      reason: '',
      environments: [environment],
      ...(venue ? { venues: [venue] } : {}),
      around: { from: 'doors-2h', until: 'finalScan' },
    },
  );
  const [ownKey, setOwnKey] = useState(initial !== undefined);
  const client = useQueryClient();
  const set = (part: Partial<Freeze>) => setFreeze((own) => ({ ...own, ...part }));
  const [only] = freeze.venues?.length === 1 ? freeze.venues : [];
  const placeZone = venues.find(({ document }) => document.key === only)?.document.timeZone;
  const zone =
    placeZone && isZone(placeZone) ? placeZone : new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const save = useMutation({
    mutationFn: useOnce((own: Freeze) =>
      body(
        api.PUT('/api/v1/freezes/{key}', {
          params: { path: { key: own.key } },
          headers: version === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` },
          body: own,
        }),
      ),
    ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['freezes'] });
      close();
    },
  });
  const at = problemsOf(save.error);
  const around = within(at, 'around');
  return (
    <FormDialog
      title={initial ? 'Change the freeze' : 'Add a freeze'}
      submit="Save"
      save={{ mutate: () => save.mutate(freeze), error: save.error, isPending: save.isPending }}
      close={close}
    >
      <Group grow align="flex-start">
        <TextInput
          label="Why, as people are told"
          required
          value={freeze.reason}
          error={at('reason')}
          data-autofocus
          onChange={(event) => {
            const reason = event.currentTarget.value;
            set({ reason, ...(ownKey ? {} : { key: keyOf(reason) }) });
          }}
        />
        <TextInput
          label="Key"
          required
          disabled={initial !== undefined}
          value={freeze.key}
          error={at('key')}
          onChange={(event) => {
            setOwnKey(event.currentTarget.value !== '');
            set({ key: event.currentTarget.value });
          }}
        />
      </Group>
      <MultiSelect
        label="In these environments"
        placeholder={freeze.environments?.length ? undefined : 'All environments'}
        value={freeze.environments ?? []}
        error={at('environments')}
        onChange={(keys) => set({ environments: keys.length ? keys : undefined })}
        data={environments.map((one) => ({ value: one.key, label: one.name }))}
      />
      <MultiSelect
        label="At these venues"
        placeholder={freeze.venues?.length ? undefined : 'All venues'}
        searchable
        limit={50}
        value={freeze.venues ?? []}
        error={at('venues')}
        onChange={(keys) => set({ venues: keys.length ? keys : undefined })}
        data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
      <SegmentedControl
        aria-label="When it holds"
        value={freeze.around ? 'around' : 'time'}
        onChange={(value) =>
          set(
            value === 'around'
              ? { around: { from: 'doors-2h', until: 'finalScan' }, from: undefined, until: undefined }
              : { around: undefined },
          )
        }
        data={[
          { value: 'around', label: 'Around each event' },
          { value: 'time', label: 'For a time' },
        ]}
      />
      {freeze.around ? (
        <>
          <Group grow align="flex-start">
            <TextInput
              label="From"
              required
              value={freeze.around.from}
              error={around('from') ?? around('')}
              onChange={(event) =>
                freeze.around && set({ around: { ...freeze.around, from: event.currentTarget.value.trim() } })
              }
            />
            <TextInput
              label="Until"
              required
              value={freeze.around.until}
              error={around('until')}
              onChange={(event) =>
                freeze.around &&
                set({ around: { ...freeze.around, until: event.currentTarget.value.trim() } })
              }
            />
          </Group>
          <Text size="sm" className="soft">
            Such as doors-2h, start or finalScan+30m. It follows an event that is rescheduled.
          </Text>
        </>
      ) : (
        <>
          <LocalInput
            label="From"
            zone={zone}
            required
            value={freeze.from}
            error={at('from')}
            change={(from) => set({ from })}
          />
          <LocalInput
            label="Until"
            zone={zone}
            required
            value={freeze.until}
            error={at('until')}
            change={(until) => set({ until })}
          />
          <Text size="sm" className="soft">
            By the clocks of {zone}.
          </Text>
        </>
      )}
    </FormDialog>
  );
}
