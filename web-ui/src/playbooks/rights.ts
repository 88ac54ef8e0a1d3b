import { useQuery } from '@tanstack/react-query';
import type { Play } from '../api/client';
import { queries } from '../api/queries';
import { type Role, type Spot, useMayAt, useMayEverywhere } from '../shell/may';

/** Where a play acts; `everywhere`, where that can't be narrowed down. `releaseIn` knows where a release is. */
export function spotsOf(
  play: Play,
  releaseIn: (release: string) => string | undefined,
): Spot[] | 'everywhere' {
  if (play.restore) return 'everywhere';
  if (play.rollBack) {
    const environment = releaseIn(play.rollBack.release);
    return environment ? [{ environment }] : [];
  }
  const at = play.kill ?? play.revive ?? play.on ?? play.off;
  if (!at) return [];
  const { environment } = at;
  // Where a cohort's people are nobody knows.
  const cohorts = 'cohorts' in at ? at.cohorts?.length : 0;
  return at.venues?.length && !cohorts
    ? at.venues.map((venue) => ({ environment, venue }))
    : [{ environment }];
}

/** Whether whoever is signed in has a role wherever plays act. */
export function useMayPlay(role: Role): (plays: readonly Play[]) => boolean {
  const releases = useQuery(queries.releases()).data?.items ?? [];
  const mayAt = useMayAt(role);
  const everywhere = useMayEverywhere(role);
  const releaseIn = (key: string) =>
    releases.find(({ document }) => document.key === key)?.document.environment;
  return (plays) =>
    everywhere ||
    plays.every((play) => {
      const spots = spotsOf(play, releaseIn);
      return spots !== 'everywhere' && spots.every(mayAt);
    });
}
