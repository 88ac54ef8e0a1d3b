import { Group, Select, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Event } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { FormDialog } from '../shell/FormDialog';
import { keyOf, problemsOf } from '../shell/fields';
import { zoneOf } from './EventRow';
import { LocalInput } from './LocalInput';
import { fromLocal, toLocal } from './zone';

const ZONES = Intl.supportedValuesOf('timeZone');

type Draft = Partial<Event> & { key: string; name: string };
type Props = {
  initial: Event | undefined;
  version: number | undefined;
  venue: string | undefined;
  close: () => void;
};

/** Adds an event or moves it: by the clocks at its venue. */
export function EventForm({ initial, version, venue, close }: Props) {
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const [event, setEvent] = useState<Draft>({
    venue,
    ...initial,
    key: initial?.key ?? '',
    name: initial?.name ?? '',
  });
  const [ownKey, setOwnKey] = useState(initial !== undefined);
  const client = useQueryClient();
  const placeOf = (key: string | undefined) => venues.find(({ document }) => document.key === key)?.document;
  const placeZone = placeOf(event.venue)?.timeZone;
  const zone = zoneOf(event, placeOf(event.venue));
  const set = (part: Partial<Draft>) => setEvent((own) => ({ ...own, ...part }));
  const place = (part: Pick<Draft, 'venue' | 'timeZone'>) => {
    // The times that were typed were meant for the clocks of the new place.
    const next = zoneOf({ ...event, ...part }, placeOf(part.venue ?? event.venue));
    const moved = (moment: string | undefined) => moment && fromLocal(toLocal(moment, zone), next);
    set({
      ...part,
      doors: moved(event.doors),
      start: moved(event.start),
      finalScan: moved(event.finalScan),
    });
  };
  const save = useMutation({
    mutationFn: useOnce((own: Draft) =>
      body(
        api.PUT('/api/v1/events/{key}', {
          params: { path: { key: own.key } },
          headers: version === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` },
          body: { ...own, name: own.name || undefined } as Event,
        }),
      ),
    ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['events'] });
      close();
    },
  });
  const at = problemsOf(save.error);
  const time = (field: 'doors' | 'start' | 'finalScan', label: string) => (
    <LocalInput
      label={label}
      zone={zone}
      required
      value={event[field]}
      error={at(field)}
      change={(moment) => set({ [field]: moment })}
    />
  );
  return (
    <FormDialog
      title={initial ? `Reschedule ${initial.name || initial.key}` : 'Add an event'}
      submit="Save"
      save={{ mutate: () => save.mutate(event), error: save.error, isPending: save.isPending }}
      close={close}
    >
      <Group grow align="flex-start">
        <TextInput
          label="Name"
          required
          value={event.name}
          error={at('name')}
          data-autofocus
          onChange={(change) => {
            const name = change.currentTarget.value;
            set({ name, ...(ownKey ? {} : { key: keyOf(name) }) });
          }}
        />
        <TextInput
          label="Key"
          required
          disabled={initial !== undefined}
          value={event.key}
          error={at('key')}
          onChange={(change) => {
            setOwnKey(change.currentTarget.value !== '');
            set({ key: change.currentTarget.value });
          }}
        />
      </Group>
      <Select
        label="Venue"
        required
        searchable
        limit={50}
        value={event.venue ?? null}
        error={at('venue')}
        onChange={(key) => key && place({ venue: key })}
        data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
      <Select
        label="Clocks"
        description="The time zone that people there go by"
        searchable
        clearable={event.timeZone !== undefined}
        limit={50}
        placeholder={placeZone ? `${zone}, the venue’s own` : 'UTC: the venue has no time zone'}
        value={event.timeZone ?? null}
        error={at('timeZone')}
        onChange={(timeZone) => place({ timeZone: timeZone ?? undefined })}
        data={ZONES}
      />
      {time('doors', 'Doors open')}
      {time('start', 'It starts')}
      {time('finalScan', 'Final scan')}
      {event.venue && (
        <Text size="sm" className="soft">
          By the clocks of {zone}. Releases and freezes that follow it move with it.
        </Text>
      )}
    </FormDialog>
  );
}
