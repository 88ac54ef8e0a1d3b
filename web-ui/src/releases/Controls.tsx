import { Button, Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Release } from '../api/client';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { HoldButton } from '../flags/HoldButton';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import type { StepName, useStep } from './actions';
import classes from './releases.module.css';
import { statusOf } from './words';

type Props = { release: Release; act: ReturnType<typeof useStep> };

/** What people can do with a release that is under way: taking it back before all else. */
export function Controls({ release, act }: Props) {
  const [why, setWhy] = useState('');
  // What a release does is about all of its environment.
  const spot = { environment: release.environment };
  const [mayStop, mayGoOn] = [useMay('operator', spot), useMay('editor', spot)];
  const stopsSome = useMay('operator');
  const running = statusOf(release) === 'running';
  const stage = release.stages[release.progress?.stage ?? 0];
  const next = release.stages[(release.progress?.stage ?? 0) + 1];
  const run = (step: StepName) =>
    act.mutate({ step, message: why.trim() || undefined }, { onSuccess: () => setWhy('') });
  const button = (step: StepName, label: string) => (
    <Button key={step} variant="default" disabled={act.isPending || !mayStop} onClick={() => run(step)}>
      {label}
    </Button>
  );
  if (!stopsSome) return null;
  return (
    <section className="panel" aria-label="What to do">
      <div className={classes.controls}>
        <HoldButton loading={act.isPending} disabled={!mayStop} onHeld={() => run('rollback')}>
          Roll back
        </HoldButton>
        <Group gap="sm">
          {running && button('pause', 'Pause')}
          {mayGoOn && !running && button('resume', 'Resume')}
          {mayGoOn && running && stage?.requires?.approval && !release.progress?.approvedBy
            ? button('approve', 'Approve')
            : null}
          {mayGoOn && running && button('promote', next ? `Go on to “${next.name}” now` : 'Complete it now')}
        </Group>
        <TextInput
          aria-label="Why"
          placeholder="Why, for the history"
          disabled={!mayStop}
          value={why}
          onChange={(event) => setWhy(event.currentTarget.value)}
        />
      </div>
      <Text size="sm" className="soft" mt={6}>
        {mayStop
          ? 'Press and hold to roll back: everybody gets what they had before. It goes through freezes.'
          : `You may not do this in all of ${release.environment}.`}
      </Text>
    </section>
  );
}

/** What came of the last thing that was done. */
export function Outcome({ act }: { act: ReturnType<typeof useStep> }) {
  return (
    <>
      {act.error && <Failed error={act.error} />}
      {act.data && (
        <section className="panel" aria-label="On its way">
          <ConvergenceLine seq={act.data.seq} />
        </section>
      )}
    </>
  );
}
