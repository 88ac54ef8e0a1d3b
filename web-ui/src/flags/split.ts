import type { Serve } from '../api/client';

export type Split = NonNullable<Serve['split']>;

/** A part of a split as it is edited. Its place among the others is its place on the line. */
export type Part = {
  id: number;
  /** None passes people on to the next rule. */
  variant: string;
  /** As the field has it: a text while it is being typed. */
  percent: number | string;
  /** What it was before anybody changed it, and how many per cent of all. */
  was?: { own: Split['weights'][number]; percent: number };
};

/** Per cent are told to three places, as shares are. */
const PLACES = 3;
/** What rounding to those places may take from a number, or add to it. */
const ROUNDING = 0.5 / 10 ** PLACES + 1e-9;
/** Sums of weights that per cent to three places can be written in, the plainest first. */
const UNITS = [100, 1_000, 10_000, 100_000];

/** The parts of a split, in its order. */
export function partsOf({ weights }: Split): Part[] {
  const total = totalOf(weights);
  return weights.map((own, id) => {
    const percent = Number(((own.weight * 100) / (total || 1)).toFixed(PLACES));
    return { id, variant: own.variant ?? '', percent, was: { own, percent } };
  });
}

/** What all parts make together, to three places: 100 where only rounding keeps it from being that. */
export function sumOf(parts: Part[]): number {
  const sum = parts.reduce((all, part) => all + (Number(part.percent) || 0), 0);
  return Math.abs(sum - 100) <= ROUNDING * parts.length ? 100 : Number(sum.toFixed(PLACES));
}

/**
 * The split as it was changed. What it is drawn with stays, and so do its order and the sum of its weights where that
 * can tell the new ones: a weight that grows then takes people in, and exchanges nobody. A text says what is wrong.
 */
export function splitOf(parts: Part[], before: Split): Split | string {
  if (parts.length === 0) return 'A split needs at least one part.';
  if (before.by.length === 0) return 'Say by what it is drawn.';
  const keeps = parts.length === before.weights.length && parts.every(isAsItWas);
  const withWeights = (weights: number[]): Split => ({
    ...before,
    weights: parts.map(({ variant, was }, n) => {
      const { variant: _, ...rest } = { ...was?.own, weight: weights[n] ?? 0 };
      return variant ? { variant, ...rest } : rest;
    }),
  });
  if (keeps) return withWeights(parts.map(({ was }) => was?.own.weight ?? 0));
  if (parts.some(({ percent }) => percent === '' || !Number.isFinite(Number(percent))))
    return 'Give every part its per cent.';
  const sum = sumOf(parts);
  if (sum !== 100) return `Together they have to be 100 %: ${difference(sum)}.`;
  const total = totalOf(before.weights);
  const same = weightsWithin(parts, total);
  if (same) return withWeights(same);
  // Other systems' draws look at the sum itself: another one would exchange everybody.
  if (total && before.hash && before.hash !== 'xxh3')
    return `This draw comes from another system, and goes in steps of ${Number((100 / total).toPrecision(3))} %.`;
  const unit = UNITS.find((own) => weightsWithin(parts, own, 1e-9)) ?? 100_000;
  return withWeights(parts.map(({ percent }) => Math.round((Number(percent) * unit) / 100)));
}

/** One more part at the end, where it moves nobody: of a variant that is not there yet, and of what is left. */
export function withPart(parts: Part[], variants: string[]): Part[] {
  const left = Math.max(0, Number((100 - sumOf(parts)).toFixed(PLACES)));
  const free = variants.find((one) => !parts.some(({ variant }) => variant === one)) ?? variants[0] ?? '';
  return [...parts, { id: Math.max(-1, ...parts.map(({ id }) => id)) + 1, variant: free, percent: left }];
}

function isAsItWas({ percent, was }: Part): boolean {
  return was !== undefined && Number(percent) === was.percent;
}

/** Weights that add up to `total` and are these per cent of it; nothing where whole numbers can't be. */
function weightsWithin(parts: Part[], total: number, rounding = ROUNDING): number[] | undefined {
  if (total === 0) return undefined;
  const slack = (total * rounding) / 100;
  const weights = parts.map((part) =>
    isAsItWas(part) && part.was ? part.was.own.weight : Math.round((Number(part.percent) * total) / 100),
  );
  const fit = parts.every((part, n) => {
    const exact = (Number(part.percent) * total) / 100;
    return Math.abs(exact - (weights[n] ?? 0)) <= slack;
  });
  const lacking = total - weights.reduce((sum, weight) => sum + weight, 0);
  if (!fit || Math.abs(lacking) > slack * parts.length) return undefined;
  // What rounding left over goes to the last that was changed.
  const last = parts.findLastIndex((part) => !isAsItWas(part));
  return weights.map((weight, n) => (n === last ? weight + lacking : weight));
}

function totalOf(weights: Split['weights']): number {
  return weights.reduce((sum, { weight }) => sum + weight, 0);
}

function difference(sum: number): string {
  const by = Number(Math.abs(100 - sum).toFixed(PLACES));
  return sum < 100 ? `${by} % are left` : `${by} % are too many`;
}
