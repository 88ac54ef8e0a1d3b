import type { Evaluations } from '../api/client';

export const WIDTH = 600;
export const HEIGHT = 120;
/** Lines that can be told apart; what is over is one line together. */
const LINES = 6;

export type By = 'variant' | 'venue' | 'reason';
export type Span = '24h' | '7d' | '30d';
export type Line = { name: string; total: number; counts: readonly number[] };

/** How far back, and how long each count is of. */
export const SPANS: Record<Span, { label: string; hours: number; step: 'hour' | 'day' }> = {
  '24h': { label: '24 hours', hours: 24, step: 'hour' },
  '7d': { label: '7 days', hours: 7 * 24, step: 'day' },
  '30d': { label: '30 days', hours: 30 * 24, step: 'day' },
};

const NONE: Record<By, string> = {
  variant: 'The code’s own default',
  venue: 'No venue',
  reason: 'Not told',
};

const REASONS: Record<string, string> = {
  STATIC: 'No targeting',
  DEFAULT: 'Nothing matched',
  TARGETING_MATCH: 'A rule matched',
  SPLIT: 'Drawn',
  DISABLED: 'Off',
  CACHED: 'From the disk',
  STALE: 'Without the server',
  ERROR: 'An error',
  UNKNOWN: 'Not told',
};

/** Lines to be drawn, the largest first; what there is no room for is one line. */
export function linesOf(
  { series }: Pick<Evaluations, 'series'>,
  by: By,
  nameOf: (venue: string) => string,
): Line[] {
  const words = ({ name, isRest }: Evaluations['series'][number]) => {
    if (isRest) return 'All others';
    if (name === undefined || name === null) return NONE[by];
    if (by === 'venue') return nameOf(name);
    return by === 'reason' ? (REASONS[name] ?? name) : name;
  };
  const named = series.map((one) => ({ name: words(one), total: one.total, counts: one.counts }));
  if (named.length <= LINES) return named;
  const rest = named.slice(LINES - 1);
  const counts = (rest[0]?.counts ?? []).map((_, n) =>
    rest.reduce((sum, line) => sum + (line.counts[n] ?? 0), 0),
  );
  const total = rest.reduce((sum, line) => sum + line.total, 0);
  return [...named.slice(0, LINES - 1), { name: 'All others', total, counts }];
}

/** The path of a line from nought to `top`, a step for each count. */
export function pathOf(counts: readonly number[], top: number): string {
  const x = (n: number) => ((n / Math.max(1, counts.length)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  return counts.map((value, n) => `${n ? 'L' : 'M'}${x(n)} ${y(value)}L${x(n + 1)} ${y(value)}`).join('');
}

/** The highest count of all lines, and a little more, as a number that reads well. */
export function topOf(lines: readonly Line[]): number {
  const highest = Math.max(0, ...lines.flatMap(({ counts }) => counts));
  if (highest <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 5, 10].find((one) => one * power >= highest) ?? 10;
  return step * power;
}

/** When a count begins, in the reader's own time zone; of days, which are those of UTC, the day. */
export function timeWords(at: string, step: 'hour' | 'day'): string {
  const day = { day: 'numeric', month: 'short' } as const;
  return step === 'day'
    ? new Date(at).toLocaleDateString('en-GB', { ...day, timeZone: 'UTC' })
    : new Date(at).toLocaleString('en-GB', { ...day, hour: '2-digit', minute: '2-digit' });
}

/** What a chart shows, for those who don't see it. */
export function chartWords(lines: readonly Line[], span: Span): string {
  const total = lines.reduce((sum, line) => sum + line.total, 0);
  const said = lines.map(({ name, total }) => `${name} ${total.toLocaleString('en')}`).join(', ');
  return `${total.toLocaleString('en')} evaluations in ${SPANS[span].label}: ${said}.`;
}
