import {
  ActionIcon,
  Autocomplete,
  Button,
  Group,
  SegmentedControl,
  Select,
  Stack,
  Text,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { queries } from '../api/queries';
import { type Row, type Rows, retyped } from './conditions';
import { Values } from './values/Values';
import { OPERATORS } from './words';

const ATTRIBUTES = [
  'venue',
  'venue.country',
  'venue.city',
  'venue.capacity',
  'venue.tags',
  'targetingKey',
  'appVersion',
  'device',
  'tier',
  'gate',
  'currentTime',
];

export function ConditionRows({ rows, change }: { rows: Rows; change: (rows: Rows) => void }) {
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
  // Each row keeps what is being typed in it, whichever other is removed.
  const [ids, setIds] = useState(() => rows.rows.map((_, n) => n));
  const adder = useRef<HTMLButtonElement>(null);
  const add = (row: Row) => {
    setIds([...ids, Math.max(-1, ...ids) + 1]);
    change({ ...rows, rows: [...rows.rows, row] });
  };
  const remove = (n: number) => {
    setIds(ids.filter((_, m) => m !== n));
    change({ ...rows, rows: rows.rows.filter((_, m) => m !== n) });
    // What had the focus is gone.
    adder.current?.focus();
  };
  const set = (n: number, row: Row) =>
    change({ ...rows, rows: rows.rows.map((own, m) => (m === n ? row : own)) });
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text fw={500} size="sm">
          Whom it matches
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="How conditions combine"
          value={rows.join}
          onChange={(join) => change({ ...rows, join: join as Rows['join'] })}
          data={[
            { value: 'all', label: 'all of these' },
            { value: 'any', label: 'any of these' },
          ]}
        />
      </Group>
      {rows.rows.length === 0 && (
        <Text size="sm" className="soft">
          Everyone.
        </Text>
      )}
      {rows.rows.map((row, n) => (
        <Group key={ids[n]} gap="xs" align="flex-start" wrap="wrap">
          {row.kind === 'cohort' ? (
            <Select
              aria-label="Cohort"
              placeholder="Which cohort"
              style={{ flex: 1 }}
              data={cohorts.map(({ document }) => ({
                value: document.key,
                label: `Cohort ${document.name}`,
              }))}
              value={row.cohort || null}
              onChange={(cohort) => set(n, { kind: 'cohort', cohort: cohort ?? '' })}
            />
          ) : (
            <>
              <Autocomplete
                aria-label="Attribute"
                w={150}
                data={ATTRIBUTES}
                value={row.attribute}
                onChange={(attribute) => set(n, { ...row, attribute })}
              />
              <Select
                aria-label="Comparison"
                w={170}
                searchable
                allowDeselect={false}
                data={Object.entries(OPERATORS).map(([value, label]) => ({ value, label }))}
                value={row.op}
                onChange={(op) =>
                  op && set(n, { ...row, op: op as typeof row.op, values: retyped(op, row.values) })
                }
              />
              <Values {...row} change={(values) => set(n, { ...row, values })} />
            </>
          )}
          <ActionIcon
            variant="default"
            size="lg"
            aria-label="Remove this condition"
            onClick={() => remove(n)}
          >
            ✕
          </ActionIcon>
        </Group>
      ))}
      <Group gap="xs">
        <Button
          size="xs"
          variant="default"
          ref={adder}
          onClick={() => add({ kind: 'attribute', attribute: 'venue.country', op: 'in', values: [] })}
        >
          Add a condition
        </Button>
        <Button size="xs" variant="default" onClick={() => add({ kind: 'cohort', cohort: '' })}>
          Add a cohort
        </Button>
      </Group>
    </Stack>
  );
}
