import { Button, Group, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { api, body } from '../api/client';
import { queries } from '../api/queries';
import { count } from '../shell/numbers';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './board.module.css';

/** The address follows the slider once it rests this long, in milliseconds. */
const RESTS_AFTER = 250;

/** Leads back: the board is shown as it was after the commit that is chosen here, which the address names. */
export function TimeSlider({ at }: { at: number }) {
  const navigate = useNavigate();
  const go = (seq: number | undefined) => void navigate({ to: '/board', search: { at: seq }, replace: true });
  const newest = Math.max(useQuery(queries.workspace()).data?.seq ?? at, at);
  const [chosen, setChosen] = useState(at);
  const [rested] = useDebouncedValue(chosen, RESTS_AFTER);
  // Whoever follows a link, or goes back, is led there; whoever moves the slider leads the address.
  useEffect(() => setChosen(at), [at]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what has come to rest leads on
  useEffect(() => {
    if (rested === chosen && rested !== at) go(rested);
  }, [rested]);
  const commit = useQuery(queries.commitHead(chosen)).data;
  const words = commit && `#${commit.seq} by ${commit.actor.name}: ${commit.message || 'no reason given'}`;
  return (
    <section className={classes.past} aria-label="The past">
      <Group gap="sm" wrap="nowrap">
        <Button
          size="xs"
          variant="default"
          aria-label="One commit back"
          disabled={chosen <= 1}
          onClick={() => setChosen(chosen - 1)}
        >
          ‹
        </Button>
        <input
          type="range"
          className={classes.slider}
          min={1}
          max={newest}
          value={chosen}
          aria-label="Commit"
          aria-valuetext={words ?? `#${chosen}`}
          onChange={(event) => setChosen(event.currentTarget.valueAsNumber)}
        />
        <Button
          size="xs"
          variant="default"
          aria-label="One commit on"
          disabled={chosen >= newest}
          onClick={() => setChosen(chosen + 1)}
        >
          ›
        </Button>
      </Group>
      <div className={classes.pastWords}>
        <Text size="sm" role="status">
          <b>As it was after commit {count(chosen)}</b>
          {commit?.seq === chosen && (
            <>
              , <Time at={commit.at} seconds /> by {commit.actor.name}: {commit.message || 'no reason given'}
            </>
          )}
        </Text>
        <Group gap="xs">
          <Moment go={go} />
          <Button size="xs" variant="default" onClick={() => go(undefined)}>
            Back to now
          </Button>
        </Group>
      </div>
    </section>
  );
}

/** Goes to the last commit before a moment, by the clock of whoever looks. */
function Moment({ go }: { go: (seq: number) => void }) {
  const [moment, setMoment] = useState('');
  const find = useMutation({
    mutationFn: (local: string) => {
      const query = { limit: 1, at: new Date(local).toISOString() };
      return body(api.GET('/api/v1/environments', { params: { query } }));
    },
    onSuccess: ({ seq }) => go(Math.max(1, seq)),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (moment) find.mutate(moment);
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs">
        <TextInput
          size="xs"
          type="datetime-local"
          aria-label="Moment"
          value={moment}
          onChange={(event) => setMoment(event.currentTarget.value)}
        />
        <Button size="xs" variant="default" type="submit" disabled={!moment} loading={find.isPending}>
          Go there
        </Button>
      </Group>
      {find.error && <Failed error={find.error} />}
    </form>
  );
}
