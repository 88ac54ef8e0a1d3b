import type { Point } from './past';

export const WIDTH = 300;
export const HEIGHT = 72;

export type Line = { name: 'variant' | 'control' | 'bound'; path: string };

/** Lines of a chart from nought to `top`, from the first look to the last. */
export function lines(points: readonly Point[]): { lines: Line[]; top: number } | undefined {
  const seen = points.filter((point) => point.variant !== undefined);
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last || seen.length < 2) return undefined;
  const highest = Math.max(
    ...seen.flatMap(({ variant, control, bound }) => [variant ?? 0, control ?? 0, bound ?? 0]),
  );
  // A line along the upper edge would be hard to see.
  const top = roundUp(highest * 1.05);
  const x = (at: number) => ((at - first.at) / (last.at - first.at || 1)) * WIDTH;
  const y = (value: number) => HEIGHT - (Math.max(0, value) / top) * HEIGHT;
  const draw = (name: Line['name']): Line[] => {
    let path = '';
    // Where nothing was seen there is a gap.
    let pen = 'M';
    for (const point of seen) {
      const value = point[name];
      if (value === undefined) {
        pen = 'M';
        continue;
      }
      path += `${pen}${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = 'L';
    }
    return path.includes('L') ? [{ name, path }] : [];
  };
  return { lines: [...draw('bound'), ...draw('control'), ...draw('variant')], top };
}

/** The next number that reads well: 1, 2 or 5 and noughts. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return Number((step * power).toPrecision(1 + (step === 10 ? 1 : 0)));
}

export type Stretch = { state: string; from: number; to: number };

/** What a guard said, one stretch after the other: each lasts until the next look. */
export function stretches(points: readonly Point[]): Stretch[] {
  const all: Stretch[] = [];
  for (const point of points) {
    const last = all.at(-1);
    if (last) last.to = point.at;
    if (last?.state !== point.state) all.push({ state: point.state, from: point.at, to: point.at });
  }
  return all;
}

/** A number as a chart says it. */
export function figureWords(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })}${unit}`;
}

/** What a chart shows, for those who don't see it. */
export function chartWords(points: readonly Point[], unit: string): string {
  const seen = points.filter((point) => point.variant !== undefined);
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last) return 'Nothing was seen yet.';
  const values = seen.map((point) => point.variant ?? 0);
  const say = (value: number) => figureWords(value, unit);
  const range = `The variant was between ${say(Math.min(...values))} and ${say(Math.max(...values))} from ${clock(first.at)} to ${clock(last.at)}, and is at ${say(last.variant ?? 0)} now`;
  const control = last.control === undefined ? '' : `; the control is at ${say(last.control)}`;
  const bound = last.bound === undefined ? '' : `; at most ${say(last.bound)} is allowed`;
  return `${range}${control}${bound}.`;
}

/** A time of the day, in the reader's own time zone. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
