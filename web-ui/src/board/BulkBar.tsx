import { Button, Group, Select, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type Action, api, body } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useVenueName } from '../convergence/names';
import { HoldButton } from '../flags/HoldButton';
import { useEnvironment } from '../shell/environment';
import { Failed } from '../shell/states';
import { type Cell, cellKey } from './cell';
import { type Pins, withMore, without } from './pins';

/** What is done, with which cells, and at which venue, where it is one. */
type Done = {
  action: Action;
  variant?: string;
  flags: { key: string; venues: string[] }[];
  venue: string | undefined;
  chosen: string;
};
type Props = {
  cells: Cell[];
  clear: () => void;
  /** What is shown first, and how that is changed. */
  pins: Pins;
  pin: (pins: Pins) => void;
};

/** What can be done with the chosen cells: all of it in one commit, or nothing. */
export function BulkBar({ cells, clear, pins, pin }: Props) {
  const environment = useEnvironment();
  const client = useQueryClient();
  const venueName = useVenueName();
  const flagName = (key: string) => cells.find((one) => one.flag === key)?.name ?? key;
  const keys = [...new Set(cells.map((cell) => cell.flag))];
  const venues = [...new Set(cells.map((cell) => cell.venue))];
  const [only] = venues;
  const place = venues.length === 1 && only ? venueName(only) : `${venues.length} venues`;
  const chosen = cells.map(cellKey).sort().join('\n\n');
  const run = useMutation({
    mutationFn: useOnce(({ action, variant, flags }: Done) =>
      body(
        api.POST('/api/v1/actions/{action}', {
          params: { path: { action } },
          body: { environment, flags, variant },
        }),
      ),
    ),
    onSuccess: () => {
      for (const key of ['board', 'flags', 'flag', 'history'])
        void client.invalidateQueries({ queryKey: [key] });
    },
  });
  const act = (action: Action, variant?: string) => {
    const flags = keys.map((key) => ({
      key,
      venues: cells.filter((cell) => cell.flag === key).map((cell) => cell.venue),
    }));
    run.mutate({ action, variant, flags, venue: venues.length === 1 ? only : undefined, chosen });
  };
  // What came of it is told of the cells it was done with, and of no others that are chosen by now.
  const done = run.variables?.chosen === chosen ? run.variables : undefined;
  const arePinned =
    keys.every((key) => pins.flags.includes(key)) && venues.every((key) => pins.venues.includes(key));
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
          {keys.length === 1 && keys[0] && <Give flag={keys[0]} give={(variant) => act('on', variant)} />}
          {simple.map(({ action, label }) => (
            <Button
              key={action}
              size="xs"
              variant="default"
              disabled={run.isPending}
              onClick={() => act(action)}
            >
              {label}
            </Button>
          ))}
          <HoldButton
            size="xs"
            disabled={run.isPending}
            onHeld={() => act('kill')}
          >{`Kill at ${place}`}</HoldButton>
          <Button
            size="xs"
            variant="subtle"
            onClick={() => pin(arePinned ? without(pins, keys, venues) : withMore(pins, keys, venues))}
          >
            {arePinned ? 'Unpin' : 'Pin'}
          </Button>
          <Button size="xs" variant="subtle" onClick={clear}>
            Done
          </Button>
        </Group>
      </Group>
      {done && run.error && <Failed error={run.error} />}
      {done && run.data && <ConvergenceLine seq={run.data.seq} venue={done.venue} />}
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
