import type { Play } from '../api/client';

export type PlayKind = 'kill' | 'revive' | 'on' | 'off' | 'restore' | 'rollBack' | 'notice';

/** What a play can do. */
export const PLAYS: Record<PlayKind, string> = {
  kill: 'Kill a flag',
  revive: 'Revive a flag',
  on: 'Turn a flag on',
  off: 'Turn a flag off',
  restore: 'Bring a flag back to a commit',
  rollBack: 'Take a release back',
  notice: 'Tell everybody',
};

export function playKind(play: Play): PlayKind | undefined {
  return (Object.keys(PLAYS) as PlayKind[]).find((kind) => play[kind] !== undefined);
}

/** A play of another kind, that keeps of the old one what it can. */
export function playOf(kind: PlayKind, environment: string, before?: Play): Play {
  const at = before?.kill ?? before?.revive ?? before?.on ?? before?.off;
  const flag = at?.flag ?? before?.restore?.flag ?? '';
  const base = { flag, environment: at?.environment ?? environment };
  const venues = at?.venues?.length ? { venues: at.venues } : {};
  const cohorts = at?.cohorts?.length ? { cohorts: at.cohorts } : {};
  switch (kind) {
    case 'kill':
      return { kill: { ...base, ...venues, ...cohorts } };
    case 'revive':
      return { revive: { ...base, ...venues, ...cohorts } };
    case 'on':
      return { on: { ...base, ...venues } };
    case 'off':
      return { off: { ...base, ...venues } };
    case 'restore':
      return { restore: { flag, to: before?.restore?.to ?? 1 } };
    case 'rollBack':
      return { rollBack: { release: before?.rollBack?.release ?? '' } };
    case 'notice':
      return { notice: { text: before?.notice?.text ?? '' } };
  }
}
