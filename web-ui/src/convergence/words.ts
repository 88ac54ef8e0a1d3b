import type { Report } from '../api/client';
import { count } from '../shell/numbers';

export type Part = Pick<Report, 'expected' | 'converged' | 'left' | 'p50Ms' | 'p99Ms' | 'maxMs'>;

/** Percent of those still there that have it; 100 when nobody is waited for. */
export function arrived(part: Part): number {
  const waited = part.expected - part.left;
  return waited <= 0 ? 100 : (part.converged * 100) / waited;
}

/** Those that are waited for come first, the most waited for before all. */
export function waitedFirst<T extends Part>(parts: readonly T[]): T[] {
  const waiting = (part: Part) => part.expected - part.left - part.converged;
  return [...parts].sort((a, b) => waiting(b) - waiting(a) || b.expected - a.expected);
}

/** “1,204 of 1,204 devices at Wembley Stadium, 84 ms”. */
export function sentence(part: Part, place: string): string {
  const devices = `${count(part.converged)} of ${count(part.expected - part.left)} devices ${place}`;
  const time = part.maxMs === undefined || part.maxMs === null ? '' : `, ${millis(part.maxMs)}`;
  const left = part.left > 0 ? ` (${count(part.left)} left before)` : '';
  return `${devices}${time}${left}`;
}

export function millis(value: number | null | undefined): string {
  if (value === undefined || value === null) return '—';
  return value < 1_000 ? `${Math.max(1, Math.round(value))} ms` : `${(value / 1_000).toFixed(1)} s`;
}
