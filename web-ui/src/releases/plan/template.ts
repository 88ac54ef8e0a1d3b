import type { Release, Stage } from '../../api/client';

/** What a plan begins with. */
export type Template = 'scratch' | 'festival' | 'arenaLeague' | 'checkout';
export type Parts = { venues: readonly string[]; metric: string };

export const TEMPLATES: Record<Template, { label: string; about: string }> = {
  scratch: { label: 'From scratch', about: 'One stage that reaches everybody, and no guard.' },
  festival: {
    label: 'Festival',
    about:
      'In the dark, at the first venue, at a few, at all of them; not before the day of an event, and never while it is on.',
  },
  arenaLeague: {
    label: 'Arena league',
    about: 'One arena after the other, half of its people and then all; one that hurts is taken out alone.',
  },
  checkout: { label: 'Checkout', about: 'A growing share of people at all venues at once.' },
};

/** Venues of the stage after the first one. */
const FEW = 4;

/** Stages and guards as `usher release template` writes them. The venue that risks least comes first. */
export function fill(template: Template, { venues, metric }: Parts): Partial<Release> {
  const stage = (name: string, at: readonly string[], percent: number, bake?: string): Stage => ({
    name,
    ...(at.length ? { venues: [...at] } : {}),
    ...(percent < 100 ? { percent } : {}),
    ...(bake ? { bake } : {}),
  });
  const first = (n: number) => venues.slice(0, n);
  const guards: Release['guards'] = [{ name: metric, check: { failures: { metric } }, minimumSample: 100 }];
  switch (template) {
    case 'scratch':
      return { stages: [stage('all', [], 100)], guards: [] };
    case 'festival':
      return {
        stages: [
          { ...stage('dark', venues, 100, '30m'), dark: true },
          stage('canary venue', first(1), 50, '1h'),
          stage('a few venues', first(FEW), 50, '2h'),
          stage('most people', venues, 90, '2h'),
          stage('all', venues, 100),
        ],
        guards,
        notBefore: 'doors-24h',
        never: [{ from: 'doors', until: 'finalScan' }],
      };
    case 'arenaLeague':
      return {
        stages: venues.flatMap((venue, n) => [
          stage(`half of ${venue}`, first(n + 1), 50, '1h'),
          stage(venue, first(n + 1), 100, '1d'),
        ]),
        guards,
        rollback: 'venue',
      };
    case 'checkout':
      return {
        stages: [
          ...([1, 10, 50, 90] as const).map((percent) => ({
            ...stage(`${percent} %`, venues, percent, percent < 50 ? '1h' : '4h'),
            requires: { exposures: 1_000 },
          })),
          stage('all', venues, 100),
        ],
        guards,
      };
  }
}
