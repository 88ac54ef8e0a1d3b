import { MultiSelect, NumberInput, Select, Stack, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Play } from '../api/client';
import { queries } from '../api/queries';
import { type AtField, within } from '../shell/fields';
import { type PlayKind, playKind } from './plays';

type Props = { play: Play; at: AtField; change: (play: Play) => void };

/** The fields of whatever a play does. */
export function PlayFields({ play, at, change }: Props) {
  const kind = playKind(play);
  const releases = useQuery(queries.releases()).data?.items ?? [];
  const flags = useFlagOptions();
  const { restore, rollBack, notice } = play;
  if (notice) {
    return (
      <Textarea
        mt="xs"
        label="What everybody is told"
        required
        autosize
        value={notice.text}
        error={at('notice.text')}
        onChange={(event) => change({ notice: { text: event.currentTarget.value } })}
      />
    );
  }
  if (rollBack) {
    return (
      <Select
        mt="xs"
        label="Release"
        required
        searchable
        value={rollBack.release || null}
        error={at('rollBack.release')}
        onChange={(release) => release && change({ rollBack: { release } })}
        data={releases.map(({ document }) => ({
          value: document.key,
          label: document.name || document.key,
        }))}
      />
    );
  }
  if (restore) {
    return (
      <Stack gap="xs" mt="xs">
        <Select
          label="Flag"
          required
          searchable
          limit={50}
          value={restore.flag || null}
          error={at('restore.flag')}
          onChange={(flag) => flag && change({ restore: { ...restore, flag } })}
          data={flags}
        />
        <NumberInput
          label="As it was after commit"
          description="Its number is in the history"
          required
          min={1}
          value={restore.to}
          error={at('restore.to')}
          onChange={(to) => change({ restore: { ...restore, to: Number(to) || 1 } })}
        />
      </Stack>
    );
  }
  return kind ? <AtFields kind={kind as FlagPlay} play={play} at={at} change={change} /> : null;
}

type FlagPlay = Extract<PlayKind, 'kill' | 'revive' | 'on' | 'off'>;

function AtFields({ kind, play, at, change }: Props & { kind: FlagPlay }) {
  const flags = useFlagOptions();
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  const all = useQuery(queries.allFlags()).data?.items ?? [];
  const own = play[kind];
  if (!own) return null;
  const variants = Object.keys(
    all.find(({ document }) => document.key === own.flag)?.document.variants ?? {},
  );
  const set = (part: Partial<typeof own>) => change({ [kind]: { ...own, ...part } });
  const problem = (field: string) => at(field) ?? within(at, kind)(field);
  return (
    <Stack gap="xs" mt="xs">
      <Select
        label="Flag"
        required
        searchable
        limit={50}
        value={own.flag || null}
        error={problem('flag')}
        onChange={(flag) => flag && set({ flag, variant: undefined })}
        data={flags}
      />
      <Select
        label="Environment"
        allowDeselect={false}
        value={own.environment}
        error={problem('environment')}
        onChange={(environment) => environment && set({ environment })}
        data={environments.map((one) => ({ value: one.key, label: one.name }))}
      />
      <MultiSelect
        label="At these venues"
        placeholder={own.venues?.length ? undefined : 'Everywhere'}
        searchable
        limit={50}
        value={own.venues ?? []}
        error={problem('venues')}
        onChange={(keys) => set({ venues: keys.length ? keys : undefined })}
        data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
      />
      {(kind === 'kill' || kind === 'revive') && (
        <MultiSelect
          label="For these cohorts"
          placeholder={own.cohorts?.length ? undefined : 'Everybody'}
          searchable
          limit={50}
          value={own.cohorts ?? []}
          error={problem('cohorts')}
          onChange={(keys) => set({ cohorts: keys.length ? keys : undefined })}
          data={cohorts.map(({ document }) => ({ value: document.key, label: document.name }))}
        />
      )}
      {kind === 'on' && !!own.venues?.length && variants.length > 2 && (
        <Select
          label="Variant they get"
          clearable
          value={own.variant ?? null}
          error={problem('variant')}
          onChange={(variant) => set({ variant: variant ?? undefined })}
          data={variants}
        />
      )}
    </Stack>
  );
}

function useFlagOptions(): { value: string; label: string }[] {
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  return flags.map(({ document }) => ({ value: document.key, label: document.name || document.key }));
}
