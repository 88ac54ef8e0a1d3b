import type { Cohort, Condition, Flag, Play, Playbook, Release, Schedule } from '../api/client';
import { isWatched } from '../releases/words';

/** What can point to cohorts. */
export type Users = {
  flags: Flag[];
  cohorts: Cohort[];
  releases: Release[];
  playbooks: Playbook[];
  schedules: Schedule[];
};

/**
 * By cohort, what points to it, by name: a flag for which it is killed or that asks for it, another cohort, a stage, a
 * play. What is over is a record and holds nothing, as the server has it (`core::references`).
 */
export function usedBy({ flags, cohorts, releases, playbooks, schedules }: Users): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const note = (keys: Iterable<string>, name: string) => {
    for (const key of new Set(keys)) found.set(key, [...(found.get(key) ?? []), name]);
  };
  for (const flag of flags) note(ofFlag(flag), nameOf(flag));
  for (const cohort of cohorts) note(ofCondition(cohort.if), `cohort ${nameOf(cohort)}`);
  for (const release of releases)
    if (release.progress === undefined || isWatched(release))
      note(
        release.stages.flatMap((stage) => stage.cohorts ?? []),
        `release ${nameOf(release)}`,
      );
  for (const playbook of playbooks) note(ofPlays(playbook.plays), `playbook ${nameOf(playbook)}`);
  for (const schedule of schedules)
    if (!schedule.outcome) note(ofPlays(schedule.plays), `schedule ${nameOf(schedule)}`);
  return found;
}

const nameOf = ({ name, key }: { name?: string | null; key: string }) => name || key;

function ofFlag({ environments }: Flag): string[] {
  return Object.values(environments ?? {}).flatMap(({ killed, rules }) => [
    ...(killed?.cohorts ?? []),
    ...(rules ?? []).flatMap((rule) => ofCondition(rule.if)),
  ]);
}

function ofCondition(condition: Condition | undefined): string[] {
  if (!condition) return [];
  const own = condition.cohort ? [condition.cohort] : [];
  const parts = [...(condition.all ?? []), ...(condition.any ?? [])];
  return [...own, ...parts.flatMap(ofCondition), ...ofCondition(condition.not)];
}

function ofPlays(plays: Play[]): string[] {
  return plays.flatMap(({ kill, revive, on, off }) => (kill ?? revive ?? on ?? off)?.cohorts ?? []);
}
