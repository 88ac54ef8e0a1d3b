import type { Play, Playbook } from '../api/client';
import { listWords } from '../releases/words';
import { count } from '../shell/numbers';

export type Names = {
  venue: (key: string) => string;
  flag: (key: string) => string;
  cohort: (key: string) => string;
};

/** What a play does, in a sentence. */
export function playWords(play: Play, names: Names): string {
  const { kill, revive, on, off, restore, rollBack, notice } = play;
  const where = (at: NonNullable<Play['kill']>, everywhere: string) => {
    const venues = at.venues?.length ? [`at ${listWords(at.venues.map(names.venue))}`] : [];
    const cohorts = at.cohorts?.length ? [`for ${listWords(at.cohorts.map(names.cohort))}`] : [];
    const place = [...venues, ...cohorts].join(' and ') || everywhere;
    return `${place} in ${at.environment}`;
  };
  if (kill) return `Kills ${names.flag(kill.flag)} ${where(kill, 'for everyone')}.`;
  if (revive) return `Revives ${names.flag(revive.flag)} ${where(revive, 'for everyone')}.`;
  if (on?.variant) return `Gives “${on.variant}” of ${names.flag(on.flag)} ${where(on, 'everywhere')}.`;
  if (on) return `Turns ${names.flag(on.flag)} on ${where(on, 'everywhere')}.`;
  if (off) return `Turns ${names.flag(off.flag)} off ${where(off, 'everywhere')}.`;
  if (restore) return `Brings ${names.flag(restore.flag)} back to what it was after commit ${restore.to}.`;
  if (rollBack) return `Takes the release ${rollBack.release} back, if it runs.`;
  if (notice) return `Tells everybody: “${notice.text}”`;
  return 'Does something that this page does not know.';
}

export type Rehearsal = NonNullable<Playbook['rehearsals']>[number];

/** How a rehearsal went, in a sentence. */
export function rehearsalWords({
  devices,
  converged,
  lastMillis,
}: Pick<Rehearsal, 'devices' | 'converged' | 'lastMillis'>): string {
  if (devices === 0) return 'No devices were connected there, so nothing is known of how fast it would be.';
  const all =
    converged === devices
      ? `All ${count(devices)} devices`
      : `${count(converged)} of ${count(devices)} devices`;
  const time = typeof lastMillis === 'number' ? `, the last after ${count(lastMillis)} ms` : '';
  return `${all} had it${time}.`;
}
