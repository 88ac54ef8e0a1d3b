import { Button, Group } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, body, type Event, type Venue } from '../api/client';
import { HoldButton } from '../flags/HoldButton';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import classes from './calendar.module.css';
import { eventTimes, eventWhen, type When } from './words';
import { isZone, localWords } from './zone';

type Props = { event: Event; venue: Venue | undefined; now: number; edit: () => void };

const CHIPS: Record<When, { word: string; tone: string }> = {
  now: { word: 'On now', tone: 'on' },
  coming: { word: 'To come', tone: 'off' },
  past: { word: 'Over', tone: 'off' },
};

/** The time zone that an event goes by. */
export function zoneOf(event: Pick<Event, 'timeZone'>, venue: Venue | undefined): string {
  const own = event.timeZone ?? venue?.timeZone;
  return own && isZone(own) ? own : 'UTC';
}

/** One evening at one venue, by the clocks there. */
export function EventRow({ event, venue, now, edit }: Props) {
  const client = useQueryClient();
  const may = useMay('editor');
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/events/{key}', { params: { path: { key: event.key } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['events'] }),
  });
  const name = event.name || event.key;
  const zone = zoneOf(event, venue);
  const chip = CHIPS[eventWhen(event, now)];
  return (
    <li className="panel" data-event={event.key}>
      <div className={classes.row}>
        <div className={classes.what}>
          <p className={classes.name}>
            {name}{' '}
            <span className="chip" data-tone={chip.tone}>
              {chip.word}
            </span>
          </p>
          <p>
            {venue?.name ?? event.venue}, {localWords(event.doors, zone).replace(/, [\d:]+$/, '')}
          </p>
          <dl className={classes.times}>
            {eventTimes(event, zone).map((own) => (
              <div key={own.name}>
                <dt>{own.name}</dt>
                <dd>
                  <time dateTime={own.at} title={`${own.at} (UTC)`}>
                    {own.words}
                  </time>
                </dd>
              </div>
            ))}
            <div>
              <dt>Clocks of</dt>
              <dd>{zone}</dd>
            </div>
          </dl>
        </div>
        {may && (
          <Group gap="xs" wrap="nowrap">
            <Button size="xs" variant="default" aria-label={`Reschedule ${name}`} onClick={edit}>
              Reschedule
            </Button>
            <HoldButton
              size="xs"
              aria-label={`Delete ${name}`}
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
