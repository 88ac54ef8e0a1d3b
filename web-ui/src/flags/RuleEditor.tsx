import { Button, Group, JsonInput, NumberInput, Stack, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Condition, Flag, Rule } from '../api/client';
import { Dialog } from '../shell/Dialog';
import { ConditionRows } from './ConditionRows';
import { rows, unrows } from './conditions';
import { type Gives, ServeEditor } from './ServeEditor';
import { partsOf, splitOf } from './split';

type Props = {
  flag: Flag;
  rule: Rule | undefined;
  taken: string[];
  close: () => void;
  done: (rule: Rule) => void;
};

/** One rule: whom it matches, how many of them, what they get. */
export function RuleEditor({ flag, rule, taken, close, done }: Props) {
  const [name, setName] = useState(rule?.name ?? '');
  const [condition, setCondition] = useState<Condition | undefined>(rule?.if);
  const [percent, setPercent] = useState<number | string>(rule?.rollout?.percent ?? 100);
  const [by, setBy] = useState(rule?.rollout?.by ?? ['targetingKey']);
  const variants = Object.keys(flag.variants);
  const [gives, setGives] = useState(() => givesOf(rule, variants));
  const split = splitOf(gives.parts, gives.split);
  const flat = rows(condition);
  const [json, setJson] = useState(() => JSON.stringify(condition ?? {}, null, 2));
  const [problem, setProblem] = useState('');

  const finish = () => {
    let own = condition;
    if (!flat) {
      const read = readCondition(json);
      if (!read) {
        setProblem('This is not a condition in JSON: { "all": … }, { "attribute": … } or the like.');
        return;
      }
      own = read;
    }
    const id = rule?.id ?? freeId(name, taken);
    // A new one is drawn apart from the rule's share: with the same seed, a small share would all be in its first part.
    const seed = rule?.serve.split?.seed ?? `${flag.key}-${id}-split`;
    const drawn = typeof split !== 'string' && { ...split, seed };
    const share = Number(percent);
    const rollout = rule?.rollout;
    // What this editor does not know of a rule stays, each field in its place.
    done({
      id,
      ...rule,
      name: name || undefined,
      if: own && Object.keys(own).length ? own : undefined,
      // A seed that once was drawn with stays, so that the same people are drawn again.
      rollout:
        share < 100 || rollout
          ? { ...rollout, by, percent: share, seed: rollout?.seed ?? `${flag.key}-${id}` }
          : undefined,
      serve: gives.variant || !drawn ? { variant: gives.variant } : { split: drawn },
    });
  };

  return (
    <Dialog title={rule ? 'Edit the rule' : 'Add a rule'} size="lg" close={close}>
      <Stack>
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        {flat ? (
          <ConditionRows rows={flat} change={(next) => setCondition(unrows(next))} />
        ) : (
          <JsonInput
            label="Condition"
            description="It says more than rows can show, so it is edited as JSON."
            value={json}
            error={problem}
            onChange={setJson}
            autosize
            minRows={6}
            formatOnBlur
          />
        )}
        <Group grow align="flex-start">
          <NumberInput
            label="Share of them"
            suffix=" %"
            min={0}
            max={100}
            decimalScale={3}
            error={percent === '' && 'How many per cent?'}
            value={percent}
            onChange={setPercent}
          />
          {Number(percent) < 100 && (
            <TagsInput
              label="Drawn by"
              description="“venue” turns whole venues"
              value={by}
              onChange={setBy}
              data={['targetingKey', 'venue', 'device', 'orderId', 'gate']}
            />
          )}
        </Group>
        <ServeEditor variants={variants} gives={gives} change={setGives} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            onClick={finish}
            disabled={percent === '' || (gives.variant === '' && typeof split === 'string')}
          >
            {rule ? 'Change the rule' : 'Add the rule'}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** What a rule gives now; a split that it has not got begins as halves of the first two variants, without a seed. */
function givesOf(rule: Rule | undefined, variants: string[]): Gives {
  const [first = '', second = first] = variants;
  const weights = [
    { variant: first, weight: 50 },
    { variant: second, weight: 50 },
  ];
  const split = rule?.serve.split ?? { by: ['targetingKey'], seed: '', weights };
  const variant = rule ? (rule.serve.variant ?? '') : first;
  return { variant, split, parts: partsOf(split) };
}

/** A condition that was typed as JSON. Nothing at all is not one: it would match everyone. */
function readCondition(json: string): Condition | undefined {
  try {
    const read: unknown = JSON.parse(json);
    const isObject = typeof read === 'object' && read !== null && !Array.isArray(read);
    return isObject && Object.keys(read).length > 0 ? (read as Condition) : undefined;
  } catch {
    return undefined;
  }
}

function freeId(name: string, taken: string[]): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'rule';
  let id = base;
  for (let n = 2; taken.includes(id); n++) id = `${base}-${n}`;
  return id;
}
