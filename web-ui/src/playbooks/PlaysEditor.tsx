import { ActionIcon, Button, Group, Select, Text } from '@mantine/core';
import type { Play } from '../api/client';
import { moved, replaced, without } from '../releases/plan/change';
import { useEnvironment } from '../shell/environment';
import { type AtField, within } from '../shell/fields';
import { PlayFields } from './PlayFields';
import { PLAYS, type PlayKind, playKind, playOf } from './plays';

type Props = { plays: Play[]; at: AtField; change: (plays: Play[]) => void };

/** Plays in their order: what each does, and to what. */
export function PlaysEditor({ plays, at, change }: Props) {
  const environment = useEnvironment();
  return (
    <>
      {at('plays') && (
        <Text size="sm" c="var(--killed)">
          {at('plays')}
        </Text>
      )}
      {plays.map((play, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: plays have no identity but their place
        <fieldset key={n} className="fieldset">
          <legend>Play {n + 1}</legend>
          <Select
            aria-label={`What play ${n + 1} does`}
            allowDeselect={false}
            value={playKind(play) ?? null}
            onChange={(kind) =>
              kind && change(replaced(plays, n, playOf(kind as PlayKind, environment, play)))
            }
            data={Object.entries(PLAYS).map(([value, label]) => ({ value, label }))}
          />
          <PlayFields
            play={play}
            at={within(at, `plays[${n}]`)}
            change={(next) => change(replaced(plays, n, next))}
          />
          <Group gap="xs" justify="flex-end" mt="xs">
            <ActionIcon
              variant="default"
              aria-label={`Move play ${n + 1} up`}
              disabled={n === 0}
              onClick={() => change(moved(plays, n, -1))}
            >
              ↑
            </ActionIcon>
            <ActionIcon
              variant="default"
              aria-label={`Take play ${n + 1} away`}
              disabled={plays.length === 1}
              onClick={() => change(without(plays, n))}
            >
              ✕
            </ActionIcon>
          </Group>
        </fieldset>
      ))}
      <Group>
        <Button size="xs" variant="default" onClick={() => change([...plays, playOf('notice', environment)])}>
          Add a play
        </Button>
      </Group>
    </>
  );
}
