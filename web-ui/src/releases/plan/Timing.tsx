import { ActionIcon, Button, Group, NumberInput, Select, TextInput } from '@mantine/core';
import type { Release } from '../../api/client';
import { type AtField, BELOW, within } from '../../shell/fields';
import { number, replaced, without } from './change';
import classes from './plan.module.css';

type Props = { plan: Release; at: AtField; set: (part: Partial<Release>) => void };

/** How much is taken back, how often it is looked at, and when it stays where it is. */
export function Timing({ plan, at, set }: Props) {
  const never = plan.never ?? [];
  return (
    <section className="panel" aria-labelledby="timing-title">
      <h2 id="timing-title">When, and how much is taken back</h2>
      <div className={classes.fields}>
        <Select
          label="A breach takes back"
          allowDeselect={false}
          value={plan.rollback ?? 'all'}
          error={at('rollback')}
          data={[
            { value: 'all', label: 'Everything' },
            { value: 'stage', label: 'The stage' },
            { value: 'venue', label: 'The venues that hurt' },
          ]}
          onChange={(value) => value && set({ rollback: value as Release['rollback'] })}
        />
        <TextInput
          label="Looked at every"
          placeholder="15s"
          value={plan.lookEvery ?? ''}
          error={at('lookEvery')}
          onChange={(event) => set({ lookEvery: event.currentTarget.value.trim() || undefined })}
        />
        <NumberInput
          label="False alarms"
          description="Of 100 harmless releases, taken back at most"
          inputWrapperOrder={BELOW}
          decimalScale={3}
          placeholder="1"
          value={plan.falseAlarms ?? ''}
          error={at('falseAlarms')}
          onChange={(value) => set({ falseAlarms: number(value) })}
        />
        <TextInput
          label="Not before"
          description="Of an event at its venues"
          inputWrapperOrder={BELOW}
          placeholder="doors-24h"
          value={plan.notBefore ?? ''}
          error={at('notBefore')}
          onChange={(event) => set({ notBefore: event.currentTarget.value.trim() || undefined })}
        />
      </div>
      {never.map((span, n) => {
        const own = within(at, `never[${n}]`);
        const change = (part: Partial<typeof span>) =>
          set({ never: replaced(never, n, { ...span, ...part }) });
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: windows have no identity but their place
          <Group key={n} gap="xs" mt="sm" align="flex-end">
            <TextInput
              label="Never from"
              value={span.from}
              error={own('from') ?? own('')}
              onChange={(event) => change({ from: event.currentTarget.value.trim() })}
            />
            <TextInput
              label="until"
              value={span.until}
              error={own('until')}
              onChange={(event) => change({ until: event.currentTarget.value.trim() })}
            />
            <ActionIcon
              variant="default"
              size="lg"
              aria-label={`Take the window from ${span.from} until ${span.until} away`}
              onClick={() => set({ never: without(never, n) })}
            >
              ✕
            </ActionIcon>
          </Group>
        );
      })}
      <Button
        variant="default"
        size="xs"
        mt="sm"
        onClick={() => set({ never: [...never, { from: 'doors', until: 'finalScan' }] })}
      >
        Add a window in which no stage begins
      </Button>
    </section>
  );
}
