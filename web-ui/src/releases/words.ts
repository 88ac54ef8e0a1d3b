import type { Guard, GuardView, Release, Stage, Step } from '../api/client';
import type { Tone } from '../flags/words';
import { count } from '../shell/numbers';

export type Status = 'running' | 'paused' | 'planned' | 'rolledBack' | 'completed';

/** What a release is, in a word, and the tone that only repeats it. */
export const STATUS: Record<Status, { word: string; tone: Tone }> = {
  running: { word: 'Running', tone: 'on' },
  paused: { word: 'Paused', tone: 'mixed' },
  planned: { word: 'Planned', tone: 'off' },
  rolledBack: { word: 'Rolled back', tone: 'killed' },
  completed: { word: 'Complete', tone: 'on' },
};

export function statusOf(release: Release): Status {
  return release.progress?.status ?? 'planned';
}

/** Whether guards are looked at. */
export function isWatched(release: Release): boolean {
  return ['running', 'paused'].includes(statusOf(release));
}

/** What a guard says, in a word. */
export const GUARD: Record<string, { word: string; tone: Tone }> = {
  well: { word: 'Well', tone: 'on' },
  early: { word: 'Too early to say', tone: 'off' },
  breached: { word: 'Breached', tone: 'killed' },
  unknown: { word: 'Nothing to say', tone: 'mixed' },
};

export function guardWord(state: string): { word: string; tone: Tone } {
  return GUARD[state] ?? { word: state, tone: 'mixed' };
}

const UNITS: Record<string, [string, string]> = {
  s: ['second', 'seconds'],
  m: ['minute', 'minutes'],
  h: ['hour', 'hours'],
  d: ['day', 'days'],
};

/** “1h” as “1 hour”. */
export function durationWords(text: string): string {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const words = UNITS[unit ?? ''];
  return number && words ? `${count(Number(number))} ${words[number === '1' ? 0 : 1]}` : text;
}

/** Milliseconds of “1h”; nothing for what is none. */
export function durationMillis(text: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(text ?? '') ?? [];
  const each = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ''];
  return number && each ? Number(number) * each : undefined;
}

/** Venues that are named, before it only says how many. */
const NAMED = 3;

/** “Anfield, Camp Nou and 12 more”. */
export function listWords(names: readonly string[]): string {
  const more = names.length - NAMED;
  if (more > 1) return `${names.slice(0, NAMED).join(', ')} and ${count(more)} more`;
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Whom a stage reaches. */
export function stageWords(stage: Stage, nameOf: (venue: string) => string): string {
  const share = stage.percent ?? 100;
  const by = stage.by ?? ['targetingKey'];
  const whole = by.length === 1 && by[0] === 'venue';
  const drawn = share === 100 ? '' : `${share} % of `;
  const cohorts = stage.cohorts?.length ? ` in cohort ${listWords(stage.cohorts)}` : '';
  const place = stage.venues?.length ? ` at ${listWords(stage.venues.map(nameOf))}` : '';
  const everywhere = place || cohorts ? place : ' everywhere';
  const who = whole && share < 100 ? 'venues' : share === 100 && !cohorts ? 'everybody' : 'people';
  const how =
    share < 100 && !whole && (by.length > 1 || by[0] !== 'targetingKey')
      ? `, drawn by ${by.join(' and ')}`
      : '';
  const reached = `${drawn}${who}${cohorts}${everywhere}${how}`;
  const dark = stage.dark ? 'Nobody is served: counted for ' : '';
  return dark + (dark ? reached : reached.charAt(0).toUpperCase() + reached.slice(1));
}

/** What has to hold before the stage after it. */
export function stageAsks(stage: Stage): string[] {
  const { exposures, converged, approval } = stage.requires ?? {};
  const bakes = stage.bake && durationMillis(stage.bake) !== 0;
  return [
    ...(bakes ? [`it has gone well for ${durationWords(stage.bake ?? '')}`] : []),
    ...(exposures ? [`${count(exposures)} exposures were seen`] : []),
    ...(converged ? [`${converged} % of devices have it`] : []),
    ...(approval ? ['somebody has approved'] : []),
  ];
}

/** What a guard watches, in a sentence. */
export function guardWords(guard: Guard): string {
  const { failures, mean, budget, prometheus, probe, webhook } = guard.check;
  const more = (tolerance: number | undefined) => (tolerance ? ` by more than ${tolerance} %` : '');
  if (failures?.atMost !== undefined)
    return `“${failures.metric}” may fail ${failures.atMost} % of the time with the variant.`;
  if (failures)
    return `“${failures.metric}” may not fail more often with the variant than with the control${more(failures.tolerance)}.`;
  if (mean)
    return `The mean of “${mean.metric}” may not be ${mean.worse} with the variant than with the control${more(mean.tolerance)}.`;
  if (budget)
    return `“${budget.metric}” is to go well ${budget.objective} % of the time: its error budget may not burn too fast.`;
  if (prometheus) {
    const bounds = [
      ...(prometheus.above === undefined ? [] : [`above ${prometheus.above}`]),
      ...(prometheus.below === undefined ? [] : [`below ${prometheus.below}`]),
    ];
    const long = durationMillis(prometheus.window) ? ` for ${durationWords(prometheus.window ?? '')}` : '';
    return `Prometheus may not say ${bounds.join(' or ')}${long}: ${prometheus.query}`;
  }
  if (probe)
    return `${probe.method ?? 'GET'} ${probe.url} has to be answered ${probe.expect?.status ?? 200}.`;
  if (webhook) return `${webhook.url} gives its opinion.`;
  return 'It watches something that this page does not know.';
}

/** What happens when it is breached. */
export function thenWords(guard: Guard): string {
  const then: unknown = guard.then ?? 'rollBack';
  if (typeof then === 'object' && then !== null && 'playbook' in then)
    return `Then the playbook ${String(then.playbook)} is run, and the release rolled back.`;
  const words: Record<string, string> = {
    rollBack: 'Then it is rolled back.',
    pause: 'Then it pauses.',
    kill: 'Then the flag is killed.',
  };
  return words[String(then)] ?? '';
}

/** What is done when a guard is breached: how much is taken back. */
export const SCOPES: Record<NonNullable<Release['rollback']>, string> = {
  all: 'everything is taken back',
  stage: 'the stage is taken back',
  venue: 'the venues that hurt are taken back',
};

const STEPS: Record<Step['kind'], (stage: string) => string> = {
  started: (stage) => `Began with “${stage}”`,
  promoted: (stage) => `Went on to “${stage}”`,
  paused: (stage) => `Paused in “${stage}”`,
  resumed: (stage) => `Went on in “${stage}”`,
  approved: (stage) => `Approved in “${stage}”`,
  withdrawn: () => 'Some venues were taken back',
  rolledBack: () => 'Rolled back',
  killed: () => 'The flag was killed',
  completed: () => 'Complete',
  arrived: () => 'Every device has what was rolled back',
};

export function stepWords(step: Pick<Step, 'kind' | 'stage'>): string {
  return STEPS[step.kind]?.(step.stage) ?? `${step.kind} in “${step.stage}”`;
}

export function stepTone(kind: Step['kind']): Tone {
  if (['rolledBack', 'killed', 'withdrawn'].includes(kind)) return 'killed';
  return kind === 'paused' ? 'mixed' : 'on';
}

/** What hurts comes first, then what waits for somebody, then what runs, is planned, and is over. */
export function painOf(release: Release, guards: readonly GuardView[] = []): number {
  const status = statusOf(release);
  if (guards.some((guard) => guard.state === 'breached')) return 0;
  if (status === 'paused') return 1;
  if (guards.some((guard) => guard.state === 'unknown')) return 2;
  if (status === 'running') return waitsForSomebody(release) ? 3 : 4;
  if (status === 'planned') return 5;
  return status === 'rolledBack' ? 6 : 7;
}

/** Whether the stage that it is in asks for an approval that nobody has given yet. */
export function waitsForSomebody(release: Release): boolean {
  const progress = release.progress;
  const stage = release.stages[progress?.stage ?? -1];
  return progress?.status === 'running' && !!stage?.requires?.approval && !progress.approvedBy;
}
