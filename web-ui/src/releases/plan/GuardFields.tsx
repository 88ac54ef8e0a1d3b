import { NumberInput, Select, TextInput } from '@mantine/core';
import type { Guard } from '../../api/client';
import { type AtField, BELOW, within } from '../../shell/fields';
import { CheckFields } from './CheckFields';
import { number } from './change';
import { KINDS, type Kind, kindOf, madeOf } from './guards';
import classes from './plan.module.css';

type Props = { guard: Guard; at: AtField; change: (guard: Guard) => void };

/** What is watched, and what is done when it hurts. */
export function GuardFields({ guard, at, change }: Props) {
  const kind = kindOf(guard);
  const set = (part: Partial<Guard>) => change({ ...guard, ...part });
  const then: unknown = guard.then ?? 'rollBack';
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
        value={typeof then === 'string' ? then : 'other'}
        error={at('then')}
        data={[
          { value: 'rollBack', label: 'Roll back' },
          { value: 'pause', label: 'Pause' },
          { value: 'kill', label: 'Kill the flag' },
          ...(typeof then === 'string' ? [] : [{ value: 'other', label: 'As it is' }]),
        ]}
        // biome-ignore lint/suspicious/noThenProperty: it is what the plan calls it, and no promise
        onChange={(value) => value && value !== 'other' && set({ then: value as Guard['then'] })}
      />
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
