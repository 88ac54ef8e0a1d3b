import { ActionIcon, Button, Group, Select, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Flag, FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { useMayAt } from '../shell/may';
import { count } from '../shell/numbers';

/** Settings that are drawn at first: each is a field of its own. */
const SHOWN = 50;

type Props = { flag: Flag; config: FlagConfig; edit: Edit; environment: string };
type Edit = (change: (config: FlagConfig) => FlagConfig) => void;

/** What single venues get, before any rule. */
export function VenuesPanel({ flag, config, edit, environment }: Props) {
  const mayAt = useMayAt('editor');
  const may = (venue: string) => mayAt({ environment, venue });
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const nameOf = useVenueName();
  const [adding, setAdding] = useState<string | null>(null);
  const variants = Object.keys(flag.variants);
  const own = Object.entries(config.venues ?? {});
  const [all, setAll] = useState(false);
  const set = (venue: string, variant: string | undefined) =>
    edit((before) => {
      const { [venue]: _, ...rest } = before.venues ?? {};
      return { ...before, venues: variant === undefined ? rest : { ...before.venues, [venue]: variant } };
    });
  const mine = venues.filter(({ document }) => may(document.key));
  const free = mine.filter(({ document }) => !(document.key in (config.venues ?? {})));
  return (
    <section className="panel" aria-labelledby="venues-title">
      <h2 id="venues-title">Venues with their own setting</h2>
      {mine.length < venues.length && (
        <Text size="sm" className="soft" mb={4}>
          {mine.length === 0
            ? `You may not change settings of venues in ${environment}.`
            : 'You may change them at your own venues.'}
        </Text>
      )}
      {own.length === 0 && (
        <Text size="sm" className="soft">
          None: rules and the default decide everywhere.
        </Text>
      )}
      {own.slice(0, all ? undefined : SHOWN).map(([venue, variant]) => (
        <Group
          key={venue}
          justify="space-between"
          py={6}
          wrap="nowrap"
          style={{ borderBottom: '1px solid var(--line)' }}
        >
          <Text size="sm">{nameOf(venue)}</Text>
          <Group gap="xs" wrap="nowrap">
            <Select
              size="xs"
              w={130}
              aria-label={`What ${nameOf(venue)} gets`}
              data={variants}
              value={variant}
              allowDeselect={false}
              disabled={!may(venue)}
              onChange={(value) => value && set(venue, value)}
            />
            <ActionIcon
              variant="default"
              aria-label={`Take the setting of ${nameOf(venue)} away`}
              disabled={!may(venue)}
              onClick={() => set(venue, undefined)}
            >
              ✕
            </ActionIcon>
          </Group>
        </Group>
      ))}
      {own.length > SHOWN && !all && (
        <Button size="xs" variant="default" mt="sm" onClick={() => setAll(true)}>
          Show {count(own.length - SHOWN)} more
        </Button>
      )}
      <Select
        mt="sm"
        size="sm"
        maw={320}
        aria-label="Add a venue"
        placeholder="Add a venue"
        searchable
        limit={50}
        value={adding}
        disabled={venues.length > 0 && free.length === 0}
        data={free.map(({ document }) => ({ value: document.key, label: document.name }))}
        onChange={(venue) => {
          if (venue) set(venue, variants.find((one) => one !== config.offVariant) ?? config.offVariant);
          setAdding(null);
        }}
      />
    </section>
  );
}
