import { Button, Group } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, body, type Due, type Schedule } from '../api/client';
import classes from '../calendar/calendar.module.css';
import { WhenWords } from '../calendar/WhenWords';
import { HoldButton } from '../flags/HoldButton';
import { useNames } from '../playbooks/names';
import { playWords } from '../playbooks/words';
import { useMay } from '../shell/may';
import { plainly } from '../shell/plainly';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import { scheduleWord } from './words';

type Props = { schedule: Schedule; due: Due | null | undefined; version: number; edit: () => void };

/** What is done when, in whose time, and what became of it. */
export function ScheduleRow({ schedule, due, version, edit }: Props) {
  const names = useNames();
  const may = useMay('editor');
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      body(
        api.DELETE('/api/v1/schedules/{key}', {
          params: { path: { key: schedule.key }, header: { 'If-Match': `"${version}"` } },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['schedules'] }),
  });
  const name = schedule.name || schedule.key;
  const chip = scheduleWord(schedule, due);
  const { outcome } = schedule;
  return (
    <li
      id={schedule.key}
      tabIndex={-1}
      className="panel"
      data-schedule={schedule.key}
      style={{ scrollMarginTop: 72 }}
    >
      <div className={classes.row}>
        <div className={classes.what}>
          <p className={classes.name}>
            {name}{' '}
            <span className="chip" data-tone={chip.tone}>
              {chip.word}
            </span>
          </p>
          {schedule.description && <p>{schedule.description}</p>}
          <p>
            <WhenWords when={schedule.at} due={due} />
          </p>
          {schedule.plays.map((play, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: plays have no identity but their place
            <p key={n}>{playWords(play, names)}</p>
          ))}
          {outcome && (
            <p className="soft">
              {chip.word}, <Time at={outcome.at} seconds />
              {outcome.commit !== undefined && (
                <>
                  , in commit {outcome.commit}.{' '}
                  <Link to="/history" search={{}} className="plain-link">
                    History
                  </Link>
                </>
              )}
            </p>
          )}
          {outcome?.reasons?.map((reason) => (
            <p key={reason}>{plainly(reason)}</p>
          ))}
        </div>
        {may && (
          <Group gap="xs" wrap="nowrap">
            <Button
              size="xs"
              variant="default"
              aria-label={`${outcome ? 'Do it again:' : 'Change'} ${name}`}
              onClick={edit}
            >
              {outcome ? 'Do it again' : 'Change'}
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
