import { ActionIcon, Button, Group, Select, Text } from '@mantine/core';
import { useRef, useState } from 'react';
import type { Flag, FlagConfig, Rule } from '../api/client';
import { count } from '../shell/numbers';
import { RuleEditor } from './RuleEditor';
import { prerequisiteWords, ruleWords, serveWords } from './words';

type Props = {
  flag: Flag;
  config: FlagConfig;
  edit: Edit;
  /** Begins a change of what is seen now, whatever is saved, or shown, before it is made. */
  begin: () => Edit;
  /** Why this person may not change them, where they may not. */
  whyNot?: string;
};
type Edit = (change: (config: FlagConfig) => FlagConfig) => void;
/** A rule that is being edited, or none that is being added, and the flag as it was when that began. */
type Editing = { rule: Rule | undefined; flag: Flag; taken: string[]; edit: Edit };

const STALE = {
  hold: 'keeps what it has',
  off: 'takes the off variant',
  default: 'takes its code’s default',
};

/** Keys of a list that are named. */
const NAMED = 3;
const listed = (keys: string[]) =>
  keys.slice(0, NAMED).join(', ') + (keys.length > NAMED ? ` and ${count(keys.length - NAMED)} more` : '');

/** Rules as sentences, in the order in which they are tried. */
export function RulesPanel({ flag, config, edit, begin, whyNot }: Props) {
  const [editing, setEditing] = useState<Editing>();
  const [dragged, setDragged] = useState<number>();
  const [news, setNews] = useState('');
  // Where the focus goes when what had it is gone.
  const adder = useRef<HTMLButtonElement>(null);
  const rules = config.rules ?? [];
  const readOnly = whyNot !== undefined;
  const set = (next: Rule[]) => edit((own) => ({ ...own, rules: next }));
  const open = (rule?: Rule) => setEditing({ rule, flag, taken: rules.map((own) => own.id), edit: begin() });
  const move = (from: number, to: number) => {
    const next = [...rules];
    const [rule] = next.splice(from, 1);
    if (rule && to >= 0 && to < rules.length) {
      next.splice(to, 0, rule);
      set(next);
      setNews(`${rule.name || rule.id} is now rule ${to + 1}.`);
    }
  };
  return (
    <section className="panel" aria-labelledby="rules-title">
      <Group justify="space-between" mb={4}>
        <h2 id="rules-title" style={{ margin: 0, fontSize: 17 }}>
          Rules
        </h2>
        <Button ref={adder} size="xs" variant="default" disabled={readOnly} onClick={() => open()}>
          Add a rule
        </Button>
      </Group>
      {whyNot && (
        <Text size="sm" className="soft" mb={4}>
          {whyNot}
        </Text>
      )}
      {config.prerequisites?.map((one) => (
        <Text size="sm" key={one.flag} className="soft">
          Only where <b>{one.flag}</b> {prerequisiteWords(one)}.
        </Text>
      ))}
      {config.targets?.map((one) => (
        <Text
          size="sm"
          key={`${one.by} ${one.variant}`}
          className="soft"
          style={{ overflowWrap: 'anywhere' }}
        >
          Before any rule, {count(one.values.length)} listed by {one.by} ({listed(one.values)}) get{' '}
          <b>{one.variant}</b>.
        </Text>
      ))}
      <span role="status" className="visually-hidden">
        {news}
      </span>
      <ol style={{ listStyle: 'none', padding: 0, margin: '8px 0 0' }}>
        {rules.map((rule, n) => (
          <li
            key={rule.id}
            draggable={!readOnly}
            onDragStart={() => setDragged(n)}
            onDragOver={(event) => event.preventDefault()}
            onDragEnd={() => setDragged(undefined)}
            onDrop={() => dragged !== undefined && dragged !== n && move(dragged, n)}
            style={{ borderTop: '1px solid var(--line)', padding: '10px 0' }}
          >
            <Group justify="space-between" wrap="nowrap" gap="sm">
              <div style={{ minWidth: 0 }}>
                <Text fw={600} size="sm">
                  {n + 1}. {rule.name || rule.id}
                </Text>
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {ruleWords(rule)}
                </Text>
              </div>
              <Group gap={4} wrap="nowrap">
                <ActionIcon
                  variant="default"
                  aria-label={`Move ${rule.name || rule.id} up`}
                  disabled={readOnly || n === 0}
                  onClick={() => move(n, n - 1)}
                >
                  ↑
                </ActionIcon>
                <ActionIcon
                  variant="default"
                  aria-label={`Move ${rule.name || rule.id} down`}
                  disabled={readOnly || n === rules.length - 1}
                  onClick={() => move(n, n + 1)}
                >
                  ↓
                </ActionIcon>
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={`Edit ${rule.name || rule.id}`}
                  disabled={readOnly}
                  onClick={() => open(rule)}
                >
                  Edit
                </Button>
                <ActionIcon
                  variant="default"
                  aria-label={`Remove ${rule.name || rule.id}`}
                  disabled={readOnly}
                  onClick={() => {
                    set(rules.filter((_, m) => m !== n));
                    setNews(`${rule.name || rule.id} is removed.`);
                    adder.current?.focus();
                  }}
                >
                  ✕
                </ActionIcon>
              </Group>
            </Group>
          </li>
        ))}
      </ol>
      <Group pt={8} gap="xs" style={{ borderTop: '1px solid var(--line)' }}>
        <Text size="sm">Everybody else gets</Text>
        {config.default?.split && <b style={{ fontSize: 14 }}>{serveWords(config.default)}</b>}
        {!config.default?.split && (
          <Select
            size="xs"
            w={config.default ? 150 : 220}
            aria-label="What everybody else gets"
            disabled={readOnly}
            allowDeselect={false}
            data={[
              ...Object.keys(flag.variants),
              ...(config.default ? [] : [{ value: '', label: `${config.offVariant}, not enabled` }]),
            ]}
            value={config.default?.variant ?? ''}
            onChange={(variant) => variant && edit((own) => ({ ...own, default: { variant } }))}
          />
        )}
      </Group>
      {config.whenStale && (
        <Text size="sm" className="soft" mt={4}>
          A device that has heard nothing for {config.whenStale.after}: {STALE[config.whenStale.then]}.
        </Text>
      )}
      {editing && (
        <RuleEditor
          flag={editing.flag}
          rule={editing.rule}
          taken={editing.taken}
          close={() => setEditing(undefined)}
          done={(rule) => {
            editing.edit((own) => ({ ...own, rules: withRule(own.rules ?? [], rule) }));
            setEditing(undefined);
          }}
        />
      )}
    </section>
  );
}

/** Rules with one of them in the place of its like, or after them all. */
function withRule(rules: Rule[], rule: Rule): Rule[] {
  const known = rules.some((own) => own.id === rule.id);
  return known ? rules.map((own) => (own.id === rule.id ? rule : own)) : [...rules, rule];
}
