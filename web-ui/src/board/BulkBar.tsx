import { Button, Group, Select, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { Action } from '../api/client';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useVenueName } from '../convergence/names';
import { useAct } from '../flags/actions';
import { HoldButton } from '../flags/HoldButton';
import { useEnvironment } from '../shell/environment';
import { Failed } from '../shell/states';
import type { Cell } from './cell';

type What = { action: Action; variant?: string };

/** What can be done with the chosen cells. Each flag is a commit of its own, and each that fails says so. */
export function BulkBar({ cells, clear }: { cells: Cell[]; clear: () => void }) {
  const environment = useEnvironment();
  const act = useAct(environment);
  const venueName = useVenueName();
  const flagName = (key: string) => cells.find((one) => one.flag === key)?.name ?? key;
  const keys = [...new Set(cells.map((cell) => cell.flag))];
  const venues = [...new Set(cells.map((cell) => cell.venue))];
  const [only] = venues;
  const place = venues.length === 1 && only ? venueName(only) : `${venues.length} venues`;
  const run = useMutation({
    mutationFn: async ({ action, variant }: What) => {
      let seq: number | undefined;
      const failed: { flag: string; error: unknown }[] = [];
      for (const flag of keys) {
        const own = cells.filter((cell) => cell.flag === flag).map((cell) => cell.venue);
        try {
          seq = (await act.mutateAsync({ flag, action, place: { venues: own, variant } })).seq;
        } catch (error) {
          failed.push({ flag, error });
        }
      }
      return { seq, failed };
    },
  });
  const simple = [
    { action: 'on', label: 'Turn on' },
    { action: 'off', label: 'Turn off' },
    { action: 'clear', label: 'Clear setting' },
    { action: 'revive', label: 'Revive' },
  ] as const;
  return (
    <section
      className="panel"
      aria-label="Chosen cells"
      style={{ position: 'sticky', bottom: 12, marginTop: 12, zIndex: 5 }}
    >
      <Group justify="space-between" gap="sm">
        <Text fw={600} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {keys.length === 1 && keys[0] ? flagName(keys[0]) : `${keys.length} flags`} at {place} in{' '}
          {environment}
        </Text>
        <Group gap="xs">
          {keys.length === 1 && keys[0] && (
            <Give flag={keys[0]} give={(variant) => run.mutate({ action: 'on', variant })} />
          )}
          {simple.map(({ action, label }) => (
            <Button
              key={action}
              size="xs"
              variant="default"
              disabled={run.isPending}
              onClick={() => run.mutate({ action })}
            >
              {label}
            </Button>
          ))}
          <HoldButton
            size="xs"
            disabled={run.isPending}
            onHeld={() => run.mutate({ action: 'kill' })}
          >{`Kill at ${place}`}</HoldButton>
          <Button size="xs" variant="subtle" onClick={clear}>
            Done
          </Button>
        </Group>
      </Group>
      {run.data?.failed.map(({ flag, error }) => (
        <Failed key={flag} what={flagName(flag)} error={error} />
      ))}
      {run.data?.seq !== undefined && (
        <ConvergenceLine seq={run.data.seq} venue={venues.length === 1 ? only : undefined} />
      )}
    </section>
  );
}

/** Which variant, where there are more than on and off. */
function Give({ flag, give }: { flag: string; give: (variant: string) => void }) {
  const variants = Object.keys(useQuery(queries.flag(flag)).data?.flag.variants ?? {});
  if (variants.length <= 2) return null;
  return (
    <Select
      size="xs"
      w={130}
      aria-label="Give a variant"
      placeholder="Give…"
      data={variants}
      value={null}
      onChange={(variant) => variant && give(variant)}
    />
  );
}
