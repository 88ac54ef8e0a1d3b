import { ActionIcon, Button, Group, NumberInput, Select, Stack, TagsInput, Text } from '@mantine/core';
import { useRef } from 'react';
import { type Part, type Split, splitOf, sumOf, withPart } from './split';
import { percent } from './words';

/** What a rule gives, while it is edited: the split is kept while one variant is chosen instead. */
export type Gives = { variant: string; split: Split; parts: Part[] };

type Props = { variants: string[]; gives: Gives; change: (gives: Gives) => void };

/** What people get: one variant, or a split. */
export function ServeEditor({ variants, gives, change }: Props) {
  return (
    <Stack gap="xs">
      <Select
        label="They get"
        data={[...variants, { value: '', label: 'A split between variants' }]}
        value={gives.variant}
        allowDeselect={false}
        onChange={(variant) => change({ ...gives, variant: variant ?? '' })}
      />
      {gives.variant === '' && <Parts variants={variants} gives={gives} change={change} />}
    </Stack>
  );
}

function Parts({ variants, gives, change }: Props) {
  const adder = useRef<HTMLButtonElement>(null);
  const { split, parts } = gives;
  const set = (next: Part[]) => change({ ...gives, parts: next });
  const edit = (id: number, edited: Partial<Part>) =>
    set(parts.map((part) => (part.id === id ? { ...part, ...edited } : part)));
  const made = splitOf(parts, split);
  return (
    <Stack gap="xs" role="group" aria-label="Split">
      <Text size="sm" className="soft">
        Laid out in this order: when the first part grows, whoever is in it stays in it.
      </Text>
      {parts.map((part, n) => (
        <Group key={part.id} gap="xs" wrap="nowrap">
          <Select
            aria-label={`Variant of part ${n + 1}`}
            style={{ flex: 1, minWidth: 0 }}
            allowDeselect={false}
            data={choices(variants, part.variant)}
            value={part.variant}
            onChange={(variant) => variant !== null && edit(part.id, { variant })}
          />
          <NumberInput
            aria-label={`Per cent of part ${n + 1}`}
            w={110}
            suffix=" %"
            min={0}
            allowNegative={false}
            max={100}
            decimalScale={3}
            value={part.percent}
            onChange={(value) => edit(part.id, { percent: value })}
          />
          <ActionIcon
            variant="default"
            size="lg"
            aria-label={`Remove part ${n + 1}`}
            disabled={parts.length === 1}
            onClick={() => {
              set(parts.filter(({ id }) => id !== part.id));
              adder.current?.focus();
            }}
          >
            ✕
          </ActionIcon>
        </Group>
      ))}
      <Group justify="space-between" gap="xs">
        <Button ref={adder} size="xs" variant="default" onClick={() => set(withPart(parts, variants))}>
          Add a part
        </Button>
        <Text size="sm">Together {percent(sumOf(parts))}</Text>
      </Group>
      <Text size="sm" role="status" c="var(--killed)" style={{ overflowWrap: 'anywhere' }}>
        {typeof made === 'string' ? made : ''}
      </Text>
      <TagsInput
        label="The split is drawn by"
        description="“venue” gives all of a venue the same"
        value={split.by}
        onChange={(by) => change({ ...gives, split: { ...split, by } })}
        data={['targetingKey', 'venue', 'device', 'orderId', 'gate']}
      />
    </Stack>
  );
}

/** Variants of the flag, and one that it has no more where a part still names it. */
function choices(variants: string[], own: string) {
  const gone = own && !variants.includes(own) ? [{ value: own, label: `${own} (no variant any more)` }] : [];
  return [...variants, ...gone, { value: '', label: 'Pass on to the next rule' }];
}
