import { Button, Select, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Event, Freeze, Venue } from '../api/client';
import { queries } from '../api/queries';
import { useMay } from '../shell/may';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading } from '../shell/states';
import classes from './calendar.module.css';
import { EventForm } from './EventForm';
import { EventRow } from './EventRow';
import { FreezeForm } from './FreezeForm';
import { FreezeRow } from './FreezeRow';
import { useNow } from './now';
import { eventWhen, freezeWhen } from './words';

/** Events that are drawn; choosing a venue finds the rest. */
const SHOWN = 200;

type Editing =
  | { what: 'event'; document?: Event; version?: number }
  | { what: 'freeze'; document?: Freeze; version?: number };

/** When doors open, and when nothing may be changed. */
export function CalendarPage() {
  const events = useQuery(queries.events());
  const freezes = useQuery(queries.freezes());
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const [venue, setVenue] = useState<string | null>(null);
  const [editing, setEditing] = useState<Editing>();
  const now = useNow();
  const [mayWrite, mayFreeze] = [useMay('editor'), useMay('admin')];
  const allEvents = events.data?.items ?? [];
  const documents = allEvents.map(({ document }) => document);
  const venueOf = (key: string): Venue | undefined =>
    venues.find(({ document }) => document.key === key)?.document;
  const here = (own: Event) => venue === null || own.venue === venue;
  const shownEvents = allEvents
    .filter(({ document }) => here(document))
    .sort((a, b) => rank(a.document, now) - rank(b.document, now));
  const shownFreezes = (freezes.data?.items ?? [])
    .filter(({ document: own }) => venue === null || !own.venues?.length || own.venues.includes(venue))
    .sort(
      (a, b) =>
        ORDER.indexOf(freezeWhen(a.document, documents, now)) -
        ORDER.indexOf(freezeWhen(b.document, documents, now)),
    );
  return (
    <>
      <Head
        title="Calendar"
        about={
          events.data &&
          freezes.data &&
          `${counted(events.data.total, 'event')}, ${counted(freezes.data.total, 'freeze')}`
        }
      >
        <Select
          aria-label="Venue"
          placeholder="All venues"
          searchable
          clearable
          limit={50}
          value={venue}
          onChange={setVenue}
          data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
        />
      </Head>
      <Stack gap="lg">
        <section aria-labelledby="freezes-title">
          <div className={classes.head}>
            <h2 id="freezes-title">Freezes</h2>
            {mayFreeze && (
              <Button size="xs" variant="default" onClick={() => setEditing({ what: 'freeze' })}>
                Add a freeze
              </Button>
            )}
          </div>
          {freezes.isPending && <Loading what="freezes" />}
          {freezes.error && <Failed error={freezes.error} retry={() => freezes.refetch()} />}
          {freezes.data && shownFreezes.length === 0 && (
            <Empty>
              Nothing is frozen{venue ? ' here' : ''}. In a freeze nothing is changed at its venues but kills,
              and what is rolled back.
            </Empty>
          )}
          <ul className={classes.list}>
            {shownFreezes.map(({ document, version }) => (
              <FreezeRow
                key={document.key}
                freeze={document}
                events={documents}
                now={now}
                edit={() => setEditing({ what: 'freeze', document, version })}
              />
            ))}
          </ul>
        </section>
        <section aria-labelledby="events-title">
          <div className={classes.head}>
            <h2 id="events-title">Events</h2>
            {mayWrite && (
              <Button size="xs" variant="default" onClick={() => setEditing({ what: 'event' })}>
                Add an event
              </Button>
            )}
          </div>
          {events.isPending && <Loading what="events" />}
          {events.error && <Failed error={events.error} retry={() => events.refetch()} />}
          {events.data && shownEvents.length === 0 && (
            <Empty>
              There are no events{venue ? ' here' : ' yet'}. Releases and freezes can follow the time at which
              doors open, and move with it.
            </Empty>
          )}
          <ul className={classes.list}>
            {shownEvents.slice(0, SHOWN).map(({ document, version }) => (
              <EventRow
                key={document.key}
                event={document}
                venue={venueOf(document.venue)}
                now={now}
                edit={() => setEditing({ what: 'event', document, version })}
              />
            ))}
          </ul>
          {shownEvents.length > SHOWN && (
            <p className="soft">and {count(shownEvents.length - SHOWN)} more: choose a venue to find them.</p>
          )}
        </section>
      </Stack>
      {editing?.what === 'event' && (
        <EventForm
          initial={editing.document}
          version={editing.version}
          venue={venue ?? undefined}
          close={() => setEditing(undefined)}
        />
      )}
      {editing?.what === 'freeze' && (
        <FreezeForm
          initial={editing.document}
          version={editing.version}
          venue={venue ?? undefined}
          close={() => setEditing(undefined)}
        />
      )}
    </>
  );
}

const counted = (n: number, noun: string) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;

const ORDER = ['now', 'coming', 'past'];

/** What is on comes first, then what is next, then what was last. */
function rank(event: Event, now: number): number {
  const when = eventWhen(event, now);
  const doors = Date.parse(event.doors);
  if (when === 'now') return -1;
  return when === 'coming' ? doors - now : 1e15 + (now - doors);
}
