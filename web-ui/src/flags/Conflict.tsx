import { Alert, Button, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Flag } from '../api/client';
import { queries } from '../api/queries';
import { Time } from '../shell/Time';
import { Diff } from './Diff';
import { merge } from './merge';

/** What somebody edits: the flag as it shall be, the one they began with, and its version. */
export type Draft = { flag: Flag; base: Flag; version: string };

type Props = {
  draft: Draft;
  /** The flag as somebody else has saved it. */
  theirs: Draft;
  choose: (draft: Draft) => void;
  discard: () => void;
};

/** Somebody else was faster: their change and mine, and what shall become of them. */
export function Conflict({ draft, theirs, choose, discard }: Props) {
  const last = useQuery(queries.lastCommit(theirs.flag.key)).data?.items[0];
  const { merged, clashes } = merge(draft.base, draft.flag, theirs.flag);
  return (
    <Alert
      className="notice"
      color="yellow"
      title="This flag was changed while you were editing"
      role="alert"
    >
      {last && (
        <Text size="sm" mb={6}>
          {last.actor.name}, <Time at={last.at} seconds />: {last.message || 'no reason given'}
        </Text>
      )}
      <Text size="sm" fw={600}>
        Their change since you began
      </Text>
      <Diff before={draft.base} after={theirs.flag} />
      <Text size="sm" fw={600} mt="sm">
        Your change
      </Text>
      <Diff before={draft.base} after={draft.flag} />
      {clashes.length > 0 && (
        <Text size="sm" mt="sm">
          Both of you changed {clashes.map((path) => path.replace('environments.', '')).join(', ')}. There,
          yours is kept.
        </Text>
      )}
      <Group mt="sm">
        <Button size="xs" onClick={() => choose({ ...theirs, flag: merged })}>
          Keep both changes
        </Button>
        <Button size="xs" variant="default" onClick={() => choose({ ...theirs, flag: draft.flag })}>
          Save mine over it
        </Button>
        <Button size="xs" variant="default" onClick={discard}>
          Keep theirs
        </Button>
      </Group>
    </Alert>
  );
}
