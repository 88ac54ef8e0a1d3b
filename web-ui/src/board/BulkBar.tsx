import { Button, Group, Text } from '@mantine/core';
import type { Action } from '../api/client';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useVenueName } from '../convergence/names';
import { useAct } from '../flags/actions';
import { HoldButton } from '../flags/HoldButton';
import { useEnvironment } from '../shell/environment';
import { Failed } from '../shell/states';
import type { Cell } from './BoardPage';

/** What can be done with the chosen cells. */
export function BulkBar({ cells, clear }: { cells: Cell[]; clear: () => void }) {
  const environment = useEnvironment();
  const act = useAct(environment);
  const nameOf = useVenueName();
  const flags = [...new Set(cells.map((cell) => cell.flag))];
  const venues = [...new Set(cells.map((cell) => cell.venue))];
  const place = venues.length === 1 && venues[0] ? nameOf(venues[0]) : `${venues.length} venues`;
  const run = async (action: Action) => {
    for (const flag of flags) {
      const own = cells.filter((cell) => cell.flag === flag).map((cell) => cell.venue);
      await act.mutateAsync({ flag, action, place: { venues: own } }).catch(() => undefined);
    }
  };
  const seq = act.data?.seq;
  return (
    <section
      className="panel"
      aria-label="Chosen cells"
      style={{ position: 'sticky', bottom: 12, marginTop: 12, zIndex: 5 }}
    >
      <Group justify="space-between" gap="sm">
        <Text fw={600} size="sm">
          {flags.length === 1 ? flags[0] : `${flags.length} flags`} at {place}
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => run('on')}>
            Turn on
          </Button>
          <Button size="xs" variant="default" onClick={() => run('off')}>
            Turn off
          </Button>
          <Button size="xs" variant="default" onClick={() => run('clear')}>
            Clear setting
          </Button>
          <Button size="xs" variant="default" onClick={() => run('revive')}>
            Revive
          </Button>
          <HoldButton size="xs" onHeld={() => run('kill')}>{`Kill at ${place}`}</HoldButton>
          <Button size="xs" variant="subtle" onClick={clear}>
            Done
          </Button>
        </Group>
      </Group>
      {act.error && <Failed error={act.error} />}
      {seq !== undefined && <ConvergenceLine seq={seq} venue={venues.length === 1 ? venues[0] : undefined} />}
    </section>
  );
}
