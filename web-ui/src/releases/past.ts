import type { Looked, ReleaseView } from '../api/client';

/** Looks that are kept in a page that stays open for days. */
const MOST = 480;

/** What was known of a release, and what was seen of it just now: its past goes on. */
export function seenSince(known: ReleaseView | undefined, now: ReleaseView): ReleaseView | undefined {
  // Without what was before, it is asked for: half a chart would look like a release that has only begun.
  if (!known) return undefined;
  const look: Looked = {
    at: now.lookedAt,
    guards: now.guards.map(({ state, figure }) => ({ state, figure })),
  };
  const past = (known.past ?? []).filter((one) => one.at < look.at);
  return { ...now, past: thinned([...past, look]) };
}

/** When there is no more room, every second look is forgotten. */
function thinned(looks: Looked[]): Looked[] {
  return looks.length <= MOST ? looks : looks.filter((_, n) => n % 2 === 0);
}

export type Point = {
  at: number;
  state: string;
  variant?: number;
  control?: number;
  bound?: number;
  sample?: number;
};

/** One guard's past, look by look. */
export function pastOf(past: readonly Looked[], guard: number): Point[] {
  return past.flatMap((look) => {
    const own = look.guards[guard];
    if (!own) return [];
    const { variant, control, bound, sample } = own.figure ?? {};
    return [
      {
        at: Date.parse(look.at),
        state: own.state,
        variant,
        control: control ?? undefined,
        bound: bound ?? undefined,
        sample,
      },
    ];
  });
}
