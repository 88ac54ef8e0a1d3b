import { Select, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { When } from '../api/client';
import { queries } from '../api/queries';
import type { AtField } from '../shell/fields';
import { plainly } from '../shell/plainly';
import { LocalInput } from './LocalInput';
import { byClocks, CLOCKS, type Clocks, clocksOf, ownZone } from './when';

const ZONES = Intl.supportedValuesOf('timeZone');

/** The clocks, in the middle of a sentence. */
const LATER: Record<string, string> = {
  own: 'your clocks',
  venue: 'those of a venue',
  zone: 'those of a time zone',
  event: 'an event',
};

type Props = {
  when: When | undefined;
  /** What it means that there is no time, where there need not be one. */
  never?: string;
  at: AtField;
  change: (when: When | undefined) => void;
};

/** When something is done, and by whose clocks. */
export function WhenFields({ when, never, at, change }: Props) {
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const events = useQuery(queries.events()).data?.items ?? [];
  const clocks = clocksOf(when);
  const chosen = when === undefined && never !== undefined ? '' : clocks;
  const given = typeof when === 'object' ? when : undefined;
  const set = (part: Partial<NonNullable<typeof given>>) => change({ ...given, ...part });
  const venue = venues.find(({ document }) => document.key === given?.venue)?.document;
  const noZone = venue && !venue.timeZone ? 'This venue has no time zone: give the time by one.' : undefined;
  // What is wrong with the time as a whole, that it is over, is mended where it is typed.
  const wrong = at('') && plainly(at('') ?? '');
  return (
    <Stack gap="xs">
      <Select
        label={never === undefined ? 'By which clocks' : 'When it is made'}
        allowDeselect={false}
        value={chosen}
        error={chosen === '' ? at('') : undefined}
        data={[
          ...(never === undefined ? [] : [{ value: '', label: never }]),
          ...Object.entries(CLOCKS).map(([value, label]) => ({
            value,
            label: never === undefined ? label : `At a time, by ${(LATER[value] ?? label).toLowerCase()}`,
          })),
        ]}
        onChange={(value) => change(value ? byClocks(value as Clocks, when) : undefined)}
      />
      {chosen === 'venue' && (
        <Select
          label="Venue"
          required
          searchable
          limit={50}
          value={given?.venue || null}
          error={at('venue') ?? noZone}
          onChange={(key) => key && set({ venue: key })}
          data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
        />
      )}
      {chosen === 'zone' && (
        <Select
          label="Time zone"
          required
          searchable
          limit={50}
          value={given?.timeZone ?? null}
          error={at('timeZone')}
          onChange={(timeZone) => timeZone && set({ timeZone })}
          data={ZONES}
        />
      )}
      {(chosen === 'venue' || chosen === 'zone') && (
        <TextInput
          type="datetime-local"
          label="Day and time there"
          required
          value={given?.local?.slice(0, 16) ?? ''}
          error={at('local') ?? wrong}
          onChange={(event) => set({ local: event.currentTarget.value })}
        />
      )}
      {chosen === 'own' && (
        <LocalInput
          label={`Day and time in ${ownZone()}`}
          zone={ownZone()}
          required
          value={typeof when === 'string' && when !== '' ? when : undefined}
          error={wrong}
          change={(moment) => change(moment ?? '')}
        />
      )}
      {chosen === 'event' && (
        <>
          <Select
            label="Event"
            required
            searchable
            limit={50}
            value={given?.event || null}
            error={at('event')}
            onChange={(event) => event && set({ event })}
            data={events.map(({ document }) => ({
              value: document.key,
              label: document.name || document.key,
            }))}
          />
          <TextInput
            label="Moment"
            description="doors, start or finalScan, with or without a time: doors-1h, finalScan+30m"
            required
            value={given?.moment ?? ''}
            error={at('moment') ?? wrong}
            onChange={(event) => set({ moment: event.currentTarget.value.trim() })}
          />
        </>
      )}
    </Stack>
  );
}
