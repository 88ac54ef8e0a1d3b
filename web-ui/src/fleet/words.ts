import type { Pool, Workspace } from '../api/client';

/** How a server stands, in a word that people know. */
export function standing(status: string): { word: string; color: string } {
  switch (status) {
    case 'ready':
      return { word: 'Ready', color: 'teal' };
    case 'degraded':
      return { word: 'Can’t write', color: 'orange' };
    case 'draining':
      return { word: 'On its way out', color: 'gray' };
    case 'empty':
      return { word: 'No data yet', color: 'orange' };
    default:
      return { word: 'Failed', color: 'red' };
  }
}

/** Whether somebody has the newest change, or which one. */
export function behind(seq: number, newest: number): string {
  return seq >= newest ? 'Has the newest' : `At ${seq} of ${newest}`;
}

/** How safe a change is that was acknowledged. */
export function kept(durability: Workspace['journal']['durability']): string {
  const { engine, sync, replicasNeeded: needed, replicas, weakness, notice } = durability;
  const disk = sync === 'always' ? 'on disk before they are acknowledged' : `on disk ${sync}`;
  const copies = needed ? `, with ${needed} of ${replicas} replicas` : '';
  return [`Changes are kept in ${engine}, ${disk}${copies}.`, weakness, notice].filter(Boolean).join(' ');
}

/** Where a pool's clients come from. */
export function drawn(pool: Pool, name: (venue: string) => string): string {
  const venues = pool.venues ?? [];
  const where =
    venues.length === 0
      ? 'all clients'
      : venues.length <= 3
        ? `clients at ${venues.map(name).join(', ')}`
        : `clients at ${venues.length} venues`;
  return `${pool.percent} % of ${where}`;
}
