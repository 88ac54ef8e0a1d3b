import type { Restoration } from '../api/client';

/** How much goes back. */
export type Extent = 'flag' | 'venue' | 'everything';
type Chosen = { extent: Extent; flag: string | null; venue: string | null; environment: string };
/** A scope and a point, as the server takes them. */
export type Back = Extract<Restoration, { rollback: unknown }>['rollback'];

const NOWHERE = { everything: false, flag: null, venue: null, environment: null, kind: null, key: null };

/** What goes back to which commit; nothing, as long as something is still to be chosen. */
export function backTo(seq: number, { extent, flag, venue, environment }: Chosen): Back | undefined {
  const to = { seq };
  if (extent === 'everything') return { to, scope: { ...NOWHERE, everything: true } };
  if (flag === null) return undefined;
  if (extent === 'flag') return { to, scope: { ...NOWHERE, flag } };
  return venue === null ? undefined : { to, scope: { ...NOWHERE, flag, venue, environment } };
}
