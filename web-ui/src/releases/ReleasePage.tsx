import { Badge, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { api, body, type Release, type ReleaseView } from '../api/client';
import { queries } from '../api/queries';
import { HoldButton } from '../flags/HoldButton';
import { useMay } from '../shell/may';
import { plainly } from '../shell/plainly';
import { Failed, Head, Loading } from '../shell/states';
import { useStep } from './actions';
import { Controls, Outcome } from './Controls';
import { Guards } from './Guards';
import { Preflight } from './Preflight';
import { Rehearsals } from './Rehearsals';
import classes from './releases.module.css';
import { Stages } from './Stages';
import { Steps } from './Steps';
import { isWatched, STATUS, statusOf } from './words';

export function ReleasePage() {
  const { key } = useParams({ from: '/releases/$key' });
  const found = useQuery(queries.release(key));
  const failed = found.error && <Failed error={found.error} retry={() => found.refetch()} />;
  if (found.isPending) return <Loading what="the release" />;
  if (!found.data) return failed;
  return (
    <>
      {failed}
      <Shown key={key} release={found.data.release} />
    </>
  );
}

function Shown({ release }: { release: Release }) {
  const watched = isWatched(release);
  const status = useQuery({ ...queries.releaseStatus(release.key), enabled: watched });
  const act = useStep(release.key);
  const state = STATUS[statusOf(release)];
  const steps = release.progress?.steps ?? [];
  const planned = release.progress === undefined;
  const over = !planned && !watched;
  // It asks outside what the guards ask, so not everybody who looks may have it done.
  const mayLook = useMay('operator');
  const preflight = mayLook && (
    <Preflight
      release={release.key}
      environment={release.environment}
      again={release.progress !== undefined}
      pending={act.isPending}
      step={(step) => act.mutate({ step })}
    />
  );
  return (
    <>
      <Head title={release.name || release.key} about={release.description}>
        <span className="chip" data-tone={state.tone} data-testid="status">
          {state.word}
        </span>
      </Head>
      <Group gap="xs" mb="md">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {release.key}
        </Text>
        <Text size="sm">
          brings{' '}
          <Link to="/flags/$key" params={{ key: release.flag }} className="plain-link">
            {release.flag}
          </Link>{' '}
          from {release.control} to {release.variant}
        </Text>
        <Badge variant="outline" color="gray" tt="none">
          {release.environment}
        </Badge>
      </Group>
      <Stack gap="md">
        {watched && <Controls release={release} act={act} />}
        <Outcome act={act} />
        {status.error && watched && <Failed error={status.error} retry={() => status.refetch()} />}
        {watched && status.data && <Verdict release={release} view={status.data} />}
        {planned && preflight}
        {over && <Steps steps={steps} />}
        <Stages release={release} view={status.data} />
        <Guards release={release} view={status.data} />
        {watched && <Steps steps={steps} />}
        <Rehearsals release={release} />
        {over && preflight}
        {!watched && <Upkeep release={release} />}
      </Stack>
    </>
  );
}

const DECISIONS: Record<string, string> = {
  hold: 'It stays where it is',
  promote: 'It goes on',
  complete: 'It is complete',
  pause: 'It pauses',
  rollBack: 'It is rolled back',
  kill: 'The flag is killed',
};

/** What follows from all that is seen, and why. */
function Verdict({ release, view }: { release: Release; view: ReleaseView }) {
  const harm = ['rollBack', 'kill', 'pause'].includes(view.decision);
  const tone = harm ? 'killed' : statusOf(release) === 'paused' ? 'mixed' : 'on';
  const first = view.reasons.length === 0;
  return (
    <section className={`panel ${classes.verdict}`} data-tone={tone} aria-label="What follows" role="status">
      <p className={classes.verdictTitle}>
        {first ? 'It is being looked at for the first time' : (DECISIONS[view.decision] ?? view.decision)}
      </p>
      {view.reasons.map((reason) => (
        <p key={reason}>{plainly(reason)}</p>
      ))}
    </section>
  );
}

/** The plan can be changed and thrown away while it does not run. */
function Upkeep({ release }: { release: Release }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const writesSome = useMay('editor');
  const may = useMay('editor', { environment: release.environment });
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/releases/{key}', { params: { path: { key: release.key } } })),
    onSuccess: async () => {
      await navigate({ to: '/releases' });
      client.removeQueries({ queryKey: ['release', release.key] });
      void client.invalidateQueries({ queryKey: ['releases'] });
    },
  });
  if (!writesSome) return null;
  return (
    <section className="panel" aria-label="The plan">
      <Group gap="sm">
        {may ? (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/releases/$key/plan" params={{ key: release.key }} {...props} />}
          >
            Change the plan
          </Button>
        ) : (
          <Button variant="default" disabled>
            Change the plan
          </Button>
        )}
        <HoldButton loading={remove.isPending} disabled={!may} onHeld={() => remove.mutate()}>
          Delete the plan
        </HoldButton>
      </Group>
      {!may && (
        <Text size="sm" className="soft" mt={6}>
          You may not change releases in all of {release.environment}.
        </Text>
      )}
      {remove.error && <Failed error={remove.error} />}
    </section>
  );
}
