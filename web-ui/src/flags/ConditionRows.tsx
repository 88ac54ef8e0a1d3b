import {
  ActionIcon,
  Autocomplete,
  Button,
  Group,
  SegmentedControl,
  Select,
  Stack,
  TagsInput,
  Text,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { type Row, type Rows, shown, typed } from './conditions';
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
];

export function ConditionRows({ rows, change }: { rows: Rows; change: (rows: Rows) => void }) {
  const cohorts = useQuery(queries.cohorts()).data?.items ?? [];
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
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
        <Group key={n} gap="xs" align="flex-start" wrap="wrap">
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
                  op &&
                  set(n, { ...row, op: op as typeof row.op, values: typed(op, shown(row.op, row.values)) })
                }
              />
              <TagsInput
                aria-label="Values"
                placeholder="Value, then Enter"
                description={
                  row.values.some((value) => typeof value !== 'string')
                    ? 'A plain 5 is a number, "5" a text'
                    : undefined
                }
                inputWrapperOrder={['label', 'input', 'description', 'error']}
                style={{ flex: 1, minWidth: 140 }}
                // A comma belongs to many a pattern, and large and small letters differ.
                splitChars={row.op === 'matches' ? [] : [',']}
                isDuplicate={(value, own) => own.includes(value)}
                value={shown(row.op, row.values)}
                onChange={(values) => set(n, { ...row, values: typed(row.op, values, row.values) })}
              />
            </>
          )}
          <ActionIcon
            variant="default"
            size="lg"
            aria-label="Remove this condition"
            onClick={() => change({ ...rows, rows: rows.rows.filter((_, m) => m !== n) })}
          >
            ✕
          </ActionIcon>
        </Group>
      ))}
      <Group gap="xs">
        <Button
          size="xs"
          variant="default"
          onClick={() =>
            change({
              ...rows,
              rows: [...rows.rows, { kind: 'attribute', attribute: 'venue.country', op: 'in', values: [] }],
            })
          }
        >
          Add a condition
        </Button>
        <Button
          size="xs"
          variant="default"
          onClick={() => change({ ...rows, rows: [...rows.rows, { kind: 'cohort', cohort: '' }] })}
        >
          Add a cohort
        </Button>
      </Group>
    </Stack>
  );
}
