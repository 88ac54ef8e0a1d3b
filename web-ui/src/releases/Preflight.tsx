import { Button, Group, Loader, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { useMay } from '../shell/may';
import { plainly } from '../shell/plainly';
import { Failed } from '../shell/states';
import type { StepName } from './actions';
import classes from './releases.module.css';

const WEIGHTS: Record<string, { word: string; tone: string }> = {
  blocker: { word: 'In the way', tone: 'killed' },
  warning: { word: 'To know', tone: 'mixed' },
  well: { word: 'Well', tone: 'on' },
};
const ORDER = ['blocker', 'warning', 'well'];

type Props = {
  release: string;
  environment: string;
  again: boolean;
  pending: boolean;
  step: (step: StepName) => void;
};

/** What was looked at before it begins, what is in the way first; and its beginning. */
export function Preflight({ release, environment, again, pending, step }: Props) {
  const found = useQuery(queries.preflight(release));
  const [startsSome, mayStart] = [useMay('editor'), useMay('editor', { environment })];
  const findings = [...(found.data?.findings ?? [])].sort(
    (a, b) => ORDER.indexOf(a.weight) - ORDER.indexOf(b.weight),
  );
  return (
    <section className="panel" aria-labelledby="preflight-title">
      <Group justify="space-between" gap="sm" mb="xs">
        <h2 id="preflight-title" style={{ margin: 0, fontSize: 17 }}>
          {again ? 'Before it begins again' : 'Before it begins'}
        </h2>
        <Group gap="sm">
          <Button variant="default" loading={found.isFetching} onClick={() => found.refetch()}>
            Look again
          </Button>
          {startsSome && (
            <Button
              disabled={!found.data?.ready || !mayStart}
              loading={pending}
              onClick={() => step('start')}
            >
              Start
            </Button>
          )}
        </Group>
      </Group>
      {startsSome && !mayStart && (
        <Text size="sm" className="soft">
          You may not start releases in all of {environment}.
        </Text>
      )}
      {found.isPending && <Loader size="sm" aria-label="Loading what was found" />}
      {found.error && <Failed error={found.error} retry={() => found.refetch()} />}
      {found.data && (
        <Text size="sm" fw={600} role="status">
          {found.data.ready ? 'Nothing stands in its way.' : 'It can’t begin so.'}
        </Text>
      )}
      <ul className={classes.findings}>
        {findings.map(({ about, weight, detail }) => (
          <li key={`${about} ${detail}`}>
            <span className="chip" data-tone={WEIGHTS[weight]?.tone ?? 'mixed'}>
              {WEIGHTS[weight]?.word ?? weight}
            </span>
            <span>
              <b>{about}</b>: {plainly(detail.replace(`${about}: `, ''))}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
