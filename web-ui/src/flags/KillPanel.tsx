import { Button, Group, SegmentedControl, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useVenueName } from '../convergence/names';
import { useEnvironment } from '../shell/environment';
import { useMayAt } from '../shell/may';
import { SearchSelect } from '../shell/SearchSelect';
import { Failed } from '../shell/states';
import { useAct } from './actions';
import classes from './flags.module.css';
import { HoldButton } from './HoldButton';

type Where = 'everyone' | 'venue' | 'cohort';

/** Kill for everyone, at a venue or for a cohort; revive what is killed; watch it arrive. */
export function KillPanel({ flag, config }: { flag: string; config: FlagConfig }) {
  const environment = useEnvironment();
  const [where, setWhere] = useState<Where>('venue');
  const [key, setKey] = useState<string | null>(null);
  // Where it was done, not what is chosen by now.
  const [done, setDone] = useState<{ seq: number; venue: string | undefined }>();
  const mayAt = useMayAt('operator');
  const mayAll = mayAt({ environment });
  const mayHere = (venue: string) => mayAt({ environment, venue });
  const all = useQuery(queries.venues()).data?.items ?? [];
  const venues = all.filter(({ document }) => mayHere(document.key));
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  const act = useAct(environment);
  const list = where === 'venue' ? venues : cohorts;
  const name = list.find(({ document }) => document.key === key)?.document.name ?? '';
  const ready = where === 'everyone' || key !== null;
  const label =
    where === 'everyone'
      ? 'Kill for everyone'
      : ready
        ? `Kill ${where === 'venue' ? 'at' : 'for'} ${name}`
        : `Choose a ${where}`;

  const run = (action: 'kill' | 'revive', place: { venues?: string[]; cohorts?: string[] }) =>
    act.mutate(
      { flag, action, place },
      { onSuccess: ({ seq }) => setDone({ seq, venue: place.venues?.[0] }) },
    );
  const kill = () =>
    run(
      'kill',
      where === 'everyone' ? {} : where === 'venue' ? { venues: [key ?? ''] } : { cohorts: [key ?? ''] },
    );

  return (
    <section className={`panel ${classes.kill}`} aria-labelledby="kill-title">
      <h2 id="kill-title">Kill</h2>
      <Group gap="sm" align="flex-start">
        <SegmentedControl
          aria-label="Whom to kill it for"
          value={where}
          onChange={(value) => {
            setWhere(value as Where);
            setKey(null);
          }}
          data={[
            { value: 'everyone', label: 'Everyone', disabled: !mayAll },
            { value: 'venue', label: 'A venue' },
            { value: 'cohort', label: 'A cohort', disabled: !mayAll },
          ]}
        />
        {where !== 'everyone' && (
          <SearchSelect
            key={where}
            aria-label={where === 'venue' ? 'Venue' : 'Cohort'}
            placeholder={where === 'venue' ? 'Which venue' : 'Which cohort'}
            none="Nothing that you may kill it for"
            limit={50}
            value={key}
            onChange={setKey}
            data={list.map(({ document }) => ({ value: document.key, label: document.name }))}
          />
        )}
        <HoldButton onHeld={kill} disabled={!ready} loading={act.isPending}>
          {label}
        </HoldButton>
      </Group>
      <Text size="sm" className="soft" mt={6}>
        Press and hold. It gives “{config.offVariant}” until somebody revives it, whatever is edited
        meanwhile.
      </Text>
      {act.error && <Failed error={act.error} />}
      {done && <ConvergenceLine seq={done.seq} venue={done.venue} />}
      <Killed
        killed={config.killed}
        may={(place) => mayAll || (place.venues?.every(mayHere) ?? false)}
        pending={act.isPending}
        revive={(place) => run('revive', place)}
      />
    </section>
  );
}

type KilledProps = {
  killed: FlagConfig['killed'];
  may: (place: { venues?: string[]; cohorts?: string[] }) => boolean;
  pending: boolean;
  revive: (place: { venues?: string[]; cohorts?: string[] }) => void;
};

/** Where it is killed, each with its way back. */
function Killed({ killed, may, pending, revive }: KilledProps) {
  const venueName = useVenueName();
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  const cohortName = (key: string) =>
    cohorts.find(({ document }) => document.key === key)?.document.name ?? key;
  const places: { name: string; place: { venues?: string[]; cohorts?: string[] } }[] = [
    ...(killed?.all ? [{ name: 'for everyone', place: {} }] : []),
    ...(killed?.venues ?? []).map((venue) => ({
      name: `at ${venueName(venue)}`,
      place: { venues: [venue] },
    })),
    ...(killed?.cohorts ?? []).map((cohort) => ({
      name: `for ${cohortName(cohort)}`,
      place: { cohorts: [cohort] },
    })),
  ];
  return (
    <Group gap="xs" mt="sm">
      {places.map(({ name, place }) => (
        <Button
          key={name}
          size="xs"
          variant="default"
          disabled={pending || !may(place)}
          onClick={() => revive(place)}
        >
          Revive {name}
        </Button>
      ))}
    </Group>
  );
}
