import { ActionIcon, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import type { Flag, FlagConfig, Rule } from '../api/client';
import { RuleEditor } from './RuleEditor';
import { ruleWords, serveWords } from './words';

type Edit = (change: (config: FlagConfig) => FlagConfig) => void;

/** Rules as sentences, in the order in which they are tried. */
export function RulesPanel({ flag, config, edit }: { flag: Flag; config: FlagConfig; edit: Edit }) {
  const [editing, setEditing] = useState<number>();
  const [dragged, setDragged] = useState<number>();
  const rules = config.rules ?? [];
  const set = (next: Rule[]) => edit((own) => ({ ...own, rules: next }));
  const move = (from: number, to: number) => {
    const next = [...rules];
    const [rule] = next.splice(from, 1);
    if (rule && to >= 0 && to < rules.length) {
      next.splice(to, 0, rule);
      set(next);
    }
  };
  return (
    <section className="panel" aria-labelledby="rules-title">
      <Group justify="space-between" mb={4}>
        <h2 id="rules-title" style={{ margin: 0, fontSize: 17 }}>
          Rules
        </h2>
        <Button size="xs" variant="default" onClick={() => setEditing(rules.length)}>
          Add a rule
        </Button>
      </Group>
      {config.prerequisites?.map((one) => (
        <Text size="sm" key={one.flag} className="soft">
          Only where <b>{one.flag}</b> gives {one.variants.join(' or ')}.
        </Text>
      ))}
      <ol style={{ listStyle: 'none', padding: 0, margin: '8px 0 0' }}>
        {rules.map((rule, n) => (
          <li
            key={rule.id}
            draggable
            onDragStart={() => setDragged(n)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={() => dragged !== undefined && move(dragged, n)}
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
                  disabled={n === 0}
                  onClick={() => move(n, n - 1)}
                >
                  ↑
                </ActionIcon>
                <ActionIcon
                  variant="default"
                  aria-label={`Move ${rule.name || rule.id} down`}
                  disabled={n === rules.length - 1}
                  onClick={() => move(n, n + 1)}
                >
                  ↓
                </ActionIcon>
                <Button size="compact-sm" variant="default" onClick={() => setEditing(n)}>
                  Edit
                </Button>
                <ActionIcon
                  variant="default"
                  aria-label={`Remove ${rule.name || rule.id}`}
                  onClick={() => set(rules.filter((_, m) => m !== n))}
                >
                  ✕
                </ActionIcon>
              </Group>
            </Group>
          </li>
        ))}
      </ol>
      <Text size="sm" pt={8} style={{ borderTop: '1px solid var(--line)' }}>
        Everybody else gets <b>{serveWords(config.default)}</b>.
      </Text>
      {editing !== undefined && (
        <RuleEditor
          flag={flag}
          rule={rules[editing]}
          taken={rules.map((rule) => rule.id)}
          close={() => setEditing(undefined)}
          done={(rule) => {
            set(
              editing < rules.length ? rules.map((own, n) => (n === editing ? rule : own)) : [...rules, rule],
            );
            setEditing(undefined);
          }}
        />
      )}
    </section>
  );
}
