import { Button, Group } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, body, type Event, type Freeze } from '../api/client';
import { useVenueName } from '../convergence/names';
import { HoldButton } from '../flags/HoldButton';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './calendar.module.css';
import { freezePlace, freezeSpans, freezeWhen, momentWords, type When } from './words';

type Props = { freeze: Freeze; events: readonly Event[]; now: number; edit: () => void };

const CHIPS: Record<When, { word: string; tone: string }> = {
  now: { word: 'Frozen now', tone: 'mixed' },
  coming: { word: 'To come', tone: 'off' },
  past: { word: 'Over', tone: 'off' },
};

/** A time in which nothing is changed. */
export function FreezeRow({ freeze, events, now, edit }: Props) {
  const client = useQueryClient();
  const nameOf = useVenueName();
  const may = useMay('admin');
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/freezes/{key}', { params: { path: { key: freeze.key } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['freezes'] }),
  });
  const chip = CHIPS[freezeWhen(freeze, events, now)];
  const held = freezeSpans(freeze, events)
    .filter(({ until }) => until > now)
    .sort((a, b) => a.from - b.from)[0];
  return (
    <li className="panel" data-freeze={freeze.key}>
      <div className={classes.row}>
        <div className={classes.what}>
          <p className={classes.name}>
            {freeze.reason}{' '}
            <span className="chip" data-tone={chip.tone}>
              {chip.word}
            </span>
          </p>
          <p>{freezePlace(freeze, nameOf)}</p>
          {freeze.around && (
            <p>
              Around each event there: from {momentWords(freeze.around.from)} until{' '}
              {momentWords(freeze.around.until)}
            </p>
          )}
          {freeze.from && freeze.until && (
            <p>
              From <Time at={freeze.from} /> until <Time at={freeze.until} />
            </p>
          )}
          {held?.event && (
            <p className="soft">
              {held.from <= now ? 'It holds' : 'Next'} at {nameOf(held.event.venue)} for{' '}
              {held.event.name || held.event.key},{' '}
              {held.from <= now ? '' : <Time at={new Date(held.from).toISOString()} />} until{' '}
              <Time at={new Date(held.until).toISOString()} />
            </p>
          )}
        </div>
        {may && (
          <Group gap="xs" wrap="nowrap">
            <Button size="xs" variant="default" aria-label={`Change ${freeze.reason}`} onClick={edit}>
              Change
            </Button>
            <HoldButton
              size="xs"
              aria-label={`Delete ${freeze.reason}`}
              loading={remove.isPending}
              onHeld={() => remove.mutate()}
            >
              Delete
            </HoldButton>
          </Group>
        )}
      </div>
      {remove.error && <Failed error={remove.error} />}
    </li>
  );
}
