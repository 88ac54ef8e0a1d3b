import type { Guard } from '../../api/client';

export type Check = Guard['check'];
export type Kind = 'failures' | 'mean' | 'budget' | 'prometheus' | 'probe' | 'webhook';

/** What a guard can look at. */
export const KINDS: Record<Kind, string> = {
  failures: 'Failures of what programs track',
  mean: 'The mean of what programs track',
  budget: 'The error budget of an objective',
  prometheus: 'A number of Prometheus',
  probe: 'A request to a live endpoint',
  webhook: 'Another system’s opinion',
};

export function kindOf(guard: Guard): Kind | undefined {
  return (Object.keys(KINDS) as Kind[]).find((kind) => guard.check[kind] !== undefined);
}

/** A check of a kind, with what is usual. */
export function madeOf(kind: Kind): Check {
  switch (kind) {
    case 'failures':
      return { failures: { metric: '' } };
    case 'mean':
      return { mean: { metric: '', worse: 'higher' } };
    case 'budget':
      return { budget: { metric: '', objective: 99.9 } };
    case 'prometheus':
      return { prometheus: { url: '', query: '' } };
    case 'probe':
      return { probe: { url: '' } };
    case 'webhook':
      return { webhook: { url: '' } };
  }
}

/** A JSON value as it was typed: what is no JSON is text. */
export function readValue(text: string): NonNullable<NonNullable<Check['probe']>['expect']>['equals'] {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Headers of a probe, a line each: `Authorization: Bearer {secret:pay}`. */
export function readHeaders(text: string): Record<string, string> | undefined {
  const pairs = text
    .split('\n')
    .map((line) => /^([^:]+):(.*)$/.exec(line))
    .flatMap((found) => (found ? [[(found[1] ?? '').trim(), (found[2] ?? '').trim()] as const] : []));
  return pairs.length ? Object.fromEntries(pairs) : undefined;
}

export function headersText(headers: Record<string, string> | undefined): string {
  return Object.entries(headers ?? {})
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

export type Then = 'rollBack' | 'pause' | 'kill' | 'playbook';

/** What can be done when a guard is breached. */
export const THEN: Record<Then, string> = {
  rollBack: 'Roll back',
  pause: 'Pause',
  kill: 'Kill the flag',
  playbook: 'Run a playbook, and roll back',
};

export function thenOf(guard: Guard): Then {
  const { then } = guard;
  return typeof then === 'object' && then !== null ? 'playbook' : ((then as Then | undefined) ?? 'rollBack');
}

/** The playbook that it runs; nothing, where it does something else. */
export function playbookOf({ then }: Guard): string | undefined {
  if (typeof then !== 'object' || then === null || !('playbook' in then)) return undefined;
  return String(then.playbook);
}

/** What is done, of a kind; a playbook is the first one until another is chosen. */
export function madeThen(then: Then, playbook: string | undefined): Guard['then'] {
  return then === 'playbook' ? ({ playbook: playbook ?? '' } as Guard['then']) : then;
}
