import { ActionIcon, Button, Group, Stack, Text } from '@mantine/core';
import { useRef, useState } from 'react';
import { LocalInput } from '../../calendar/LocalInput';
import { ownZone } from '../../calendar/when';
import type { Scalar } from '../conditions';
import { momentOf } from './checks';
import { Misfits } from './Misfits';
import type { ValuesProps } from './Values';

/** A time as it is edited; one without a value is still to be given. */
type Field = { id: number; value?: Scalar };

const isTime = (value: Scalar) => momentOf(value) !== undefined;

/** Moments, by the clocks of this browser. */
export function TimeValues({ op, values, change }: ValuesProps) {
  const zone = ownZone();
  const adder = useRef<HTMLButtonElement>(null);
  const [fields, setFields] = useState<Field[]>(() => {
    const times = values.filter(isTime).map((value, id) => ({ id, value }));
    return times.length ? times : [{ id: 0 }];
  });
  const misfits = values.filter((value) => !isTime(value));
  const set = (next: Field[]) => {
    setFields(next);
    change([...next.flatMap(({ value }) => (value === undefined ? [] : [value])), ...misfits]);
  };
  const free = Math.max(-1, ...fields.map(({ id }) => id)) + 1;
  return (
    <Stack gap={4}>
      {fields.map(({ id, value }, n) => (
        <Group key={id} gap={4} wrap="nowrap">
          <div style={{ flex: 1, minWidth: 0 }}>
            <LocalInput
              bare
              label={`Time ${n + 1}, by the clocks of ${zone}`}
              zone={zone}
              value={value === undefined ? undefined : momentOf(value)}
              error={undefined}
              change={(moment) => set(fields.map((own) => (own.id === id ? { id, value: moment } : own)))}
            />
          </div>
          {fields.length > 1 && (
            <ActionIcon
              variant="default"
              size="lg"
              aria-label={`Remove time ${n + 1}`}
              onClick={() => {
                set(fields.filter((own) => own.id !== id));
                adder.current?.focus();
              }}
            >
              ✕
            </ActionIcon>
          )}
        </Group>
      ))}
      <Group justify="space-between" gap={4}>
        <Text size="xs" className="soft">
          By your clocks, those of {zone}: one moment everywhere
        </Text>
        <Button
          ref={adder}
          size="compact-xs"
          variant="default"
          onClick={() => setFields([...fields, { id: free }])}
        >
          Add a time
        </Button>
      </Group>
      <Misfits
        editor="times"
        op={op}
        misfits={misfits}
        remove={(gone) => {
          const at = values.indexOf(gone);
          change(values.filter((_, n) => n !== at));
          adder.current?.focus();
        }}
      />
    </Stack>
  );
}
