import { Checkbox, MultiSelect, NumberInput, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Stage } from '../../api/client';
import { queries } from '../../api/queries';
import type { AtField } from '../../shell/fields';
import { number } from './change';
import classes from './plan.module.css';

type Props = { stage: Stage; at: AtField; change: (stage: Stage) => void };

/** Whom a stage reaches, and what has to hold before the next. */
export function StageFields({ stage, at, change }: Props) {
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  const set = (part: Partial<Stage>) => change({ ...stage, ...part });
  const requires = (part: NonNullable<Stage['requires']>) =>
    set({ requires: { ...stage.requires, ...part } });
  const wholeVenues = stage.by?.length === 1 && stage.by[0] === 'venue';
  return (
    <div className={classes.fields}>
      <TextInput
        label="Name"
        required
        value={stage.name}
        error={at('name')}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <MultiSelect
        className={classes.wide}
        label="At these venues"
        placeholder={stage.venues?.length ? undefined : 'All venues'}
        searchable
        limit={50}
        value={stage.venues ?? []}
        error={at('venues')}
        onChange={(own) => set({ venues: own.length ? own : undefined })}
        data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
      <MultiSelect
        label="For these cohorts"
        placeholder={stage.cohorts?.length ? undefined : 'Everybody'}
        searchable
        limit={50}
        value={stage.cohorts ?? []}
        error={at('cohorts')}
        onChange={(own) => set({ cohorts: own.length ? own : undefined })}
        data={cohorts.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
      <NumberInput
        label="Share of them"
        suffix=" %"
        min={0}
        max={100}
        decimalScale={3}
        value={stage.percent ?? 100}
        error={at('percent')}
        onChange={(value) => set({ percent: number(value) })}
      />
      <TextInput
        label="Goes well for"
        placeholder="30m, 2h, 1d"
        value={stage.bake ?? ''}
        error={at('bake')}
        onChange={(event) => set({ bake: event.currentTarget.value.trim() || undefined })}
      />
      <NumberInput
        label="Exposures needed"
        placeholder="None"
        min={0}
        value={stage.requires?.exposures ?? ''}
        error={at('requires.exposures')}
        onChange={(value) => requires({ exposures: number(value) })}
      />
      <NumberInput
        label="Devices that have it"
        placeholder="Any share"
        suffix=" %"
        min={0}
        max={100}
        decimalScale={3}
        value={stage.requires?.converged ?? ''}
        error={at('requires.converged')}
        onChange={(value) => requires({ converged: number(value) })}
      />
      <div className={classes.checks}>
        <Switch
          label="Dark: counted, but nobody is served"
          checked={stage.dark ?? false}
          error={at('dark')}
          onChange={(event) => set({ dark: event.currentTarget.checked || undefined })}
        />
        <Checkbox
          label="Somebody has to approve what follows"
          checked={stage.requires?.approval ?? false}
          onChange={(event) => requires({ approval: event.currentTarget.checked || undefined })}
        />
        <Checkbox
          label="The share is of whole venues, not of people"
          checked={wholeVenues}
          error={at('by')}
          onChange={(event) => set({ by: event.currentTarget.checked ? ['venue'] : undefined })}
        />
      </div>
    </div>
  );
}
