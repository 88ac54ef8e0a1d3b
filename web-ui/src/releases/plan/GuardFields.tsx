import { NumberInput, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Guard } from '../../api/client';
import { queries } from '../../api/queries';
import { type AtField, BELOW, within } from '../../shell/fields';
import { SearchSelect } from '../../shell/SearchSelect';
import { CheckFields } from './CheckFields';
import { number } from './change';
import { KINDS, type Kind, kindOf, madeOf, madeThen, playbookOf, THEN, type Then, thenOf } from './guards';
import classes from './plan.module.css';

type Props = { guard: Guard; at: AtField; change: (guard: Guard) => void };

/** What is watched, and what is done when it hurts. */
export function GuardFields({ guard, at, change }: Props) {
  const kind = kindOf(guard);
  const set = (part: Partial<Guard>) => change({ ...guard, ...part });
  const playbooks = useQuery(queries.playbooks()).data?.items ?? [];
  const playbook = playbookOf(guard);
  return (
    <div className={classes.fields}>
      <TextInput
        label="Name"
        required
        value={guard.name}
        error={at('name')}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Select
        label="What it looks at"
        allowDeselect={false}
        value={kind ?? null}
        error={at('check')}
        data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
        onChange={(value) => value && set({ check: madeOf(value as Kind) })}
      />
      <CheckFields check={guard.check} at={within(at, 'check')} change={(check) => set({ check })} />
      <NumberInput
        label="Sample needed"
        description="Of the variant, before a stage goes on"
        inputWrapperOrder={BELOW}
        min={0}
        value={guard.minimumSample ?? 0}
        error={at('minimumSample')}
        onChange={(value) => set({ minimumSample: number(value) })}
      />
      <Select
        label="When it is breached"
        allowDeselect={false}
        value={thenOf(guard)}
        error={at('then')}
        data={Object.entries(THEN).map(([value, label]) => ({ value, label }))}
        // biome-ignore lint/suspicious/noThenProperty: it is what the plan calls it, and no promise
        onChange={(value) => value && set({ then: madeThen(value as Then, playbooks[0]?.document.key) })}
      />
      {playbook !== undefined && (
        <SearchSelect
          label="Which playbook"
          description="It is run, and the release taken back, in one commit"
          required
          allowDeselect={false}
          none="There is none of that name"
          value={playbook || null}
          error={at('then.playbook') ?? (playbooks.length === 0 ? 'Write a playbook first.' : undefined)}
          data={[
            // One that is not there any more is shown as it is.
            ...(playbook && !playbooks.some(({ document }) => document.key === playbook)
              ? [{ value: playbook, label: playbook }]
              : []),
            ...playbooks.map(({ document }) => ({
              value: document.key,
              label: document.name || document.key,
            })),
          ]}
          // biome-ignore lint/suspicious/noThenProperty: it is what the plan calls it, and no promise
          onChange={(key) => key && set({ then: { playbook: key } })}
        />
      )}
      <Select
        label="With nothing to say"
        allowDeselect={false}
        value={guard.whenUnknown ?? 'pause'}
        error={at('whenUnknown')}
        data={[
          { value: 'pause', label: 'Pause' },
          { value: 'rollBack', label: 'Roll back' },
          { value: 'ignore', label: 'Go on without it' },
        ]}
        onChange={(value) => value && set({ whenUnknown: value as Guard['whenUnknown'] })}
      />
      <TextInput
        label="For longer than"
        placeholder="5m"
        value={guard.unknownAfter ?? ''}
        error={at('unknownAfter')}
        onChange={(event) => set({ unknownAfter: event.currentTarget.value.trim() || undefined })}
      />
    </div>
  );
}
