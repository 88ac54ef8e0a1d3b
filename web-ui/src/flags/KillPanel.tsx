import { Button, Group, SegmentedControl, Select, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useEnvironment } from '../shell/environment';
import { Failed } from '../shell/states';
import { useAct } from './actions';
import { HoldButton } from './HoldButton';

type Where = 'everyone' | 'venue' | 'cohort';

/** Kill for everyone, at a venue or for a cohort; revive what is killed; watch it arrive. */
export function KillPanel({ flag, config }: { flag: string; config: FlagConfig }) {
  const environment = useEnvironment();
  const [where, setWhere] = useState<Where>('venue');
  const [key, setKey] = useState<string | null>(null);
  const [killedSeq, setKilledSeq] = useState<number>();
  const venues = useQuery(queries.venues()).data?.items ?? [];
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

  const kill = () => {
    const place =
      where === 'everyone' ? {} : where === 'venue' ? { venues: [key ?? ''] } : { cohorts: [key ?? ''] };
    act.mutate({ flag, action: 'kill', place }, { onSuccess: (written) => setKilledSeq(written.seq) });
  };
  const revive = (place: { venues?: string[]; cohorts?: string[] }) =>
    act.mutate({ flag, action: 'revive', place }, { onSuccess: (written) => setKilledSeq(written.seq) });
  const venueName = (venue: string) =>
    venues.find(({ document }) => document.key === venue)?.document.name ?? venue;

  return (
    <section className="panel" aria-labelledby="kill-title">
      <h2 id="kill-title" style={{ margin: '0 0 8px', fontSize: 17 }}>
        Kill
      </h2>
      <Group gap="sm" align="flex-end">
        <SegmentedControl
          aria-label="Whom to kill it for"
          value={where}
          onChange={(value) => {
            setWhere(value as Where);
            setKey(null);
          }}
          data={[
            { value: 'everyone', label: 'Everyone' },
            { value: 'venue', label: 'A venue' },
            { value: 'cohort', label: 'A cohort' },
          ]}
        />
        {where !== 'everyone' && (
          <Select
            aria-label={where === 'venue' ? 'Venue' : 'Cohort'}
            placeholder={where === 'venue' ? 'Which venue' : 'Which cohort'}
            searchable
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
      {killedSeq !== undefined && (
        <ConvergenceLine seq={killedSeq} venue={where === 'venue' ? (key ?? undefined) : undefined} />
      )}
      <Group gap="xs" mt="sm">
        {config.killed?.all && (
          <Button size="xs" variant="default" onClick={() => revive({})}>
            Revive for everyone
          </Button>
        )}
        {config.killed?.venues?.map((venue) => (
          <Button key={venue} size="xs" variant="default" onClick={() => revive({ venues: [venue] })}>
            Revive at {venueName(venue)}
          </Button>
        ))}
        {config.killed?.cohorts?.map((cohort) => (
          <Button key={cohort} size="xs" variant="default" onClick={() => revive({ cohorts: [cohort] })}>
            Revive for {cohort}
          </Button>
        ))}
      </Group>
    </section>
  );
}
