import type { Condition } from '../api/client';
import { OPERATORS, scalarWords } from './words';

export type Scalar = string | number | boolean;

/** One comparison, as a row of the editor. */
export type Row =
  | { kind: 'attribute'; attribute: string; op: NonNullable<Condition['op']>; values: Scalar[] }
  | { kind: 'cohort'; cohort: string };

/** Rows that must all hold, or of which one must. */
export type Rows = { join: 'all' | 'any'; rows: Row[] };

/** A condition as rows; undefined for one that says more than rows can show. */
export function rows(condition: Condition | undefined): Rows | undefined {
  if (!condition || Object.keys(condition).length === 0) return { join: 'all', rows: [] };
  const join = condition.any ? 'any' : 'all';
  const parts = condition.all ?? condition.any ?? [condition];
  // “Any of none” is nobody; as rows it would read like everyone.
  if (condition.any?.length === 0) return undefined;
  const found: Row[] = [];
  for (const part of parts) {
    // One that is still to be named is a row as well.
    if (part.cohort !== undefined) found.push({ kind: 'cohort', cohort: part.cohort });
    else if (
      part.attribute !== undefined &&
      part.op &&
      !part.ignoreCase &&
      !part.dialect &&
      part.op in OPERATORS
    ) {
      found.push({
        kind: 'attribute',
        attribute: part.attribute,
        op: part.op,
        values: (part.values ?? []) as Scalar[],
      });
    } else return undefined;
  }
  return { join, rows: found };
}

/** Rows as a condition; undefined for none, which is everyone. */
export function unrows({ join, rows: list }: Rows): Condition | undefined {
  const parts: Condition[] = list.map((row) =>
    row.kind === 'cohort'
      ? { cohort: row.cohort }
      : { attribute: row.attribute, op: row.op, values: row.values },
  );
  if (parts.length === 0) return undefined;
  return parts.length === 1 && join === 'all' ? parts[0] : { [join]: parts };
}

/** What a condition's values are put in with. */
export type Editor =
  | 'venues'
  | 'suggestions'
  | 'numbers'
  | 'times'
  | 'presence'
  | 'versions'
  | 'networks'
  | 'patterns'
  | 'tags';

/** Operators whose values are of one kind, whatever they are compared with. */
const EDITORS: Partial<Record<string, Editor>> = {
  lt: 'numbers',
  lte: 'numbers',
  gt: 'numbers',
  gte: 'numbers',
  modulo: 'numbers',
  before: 'times',
  after: 'times',
  exists: 'presence',
  semverEq: 'versions',
  semverLt: 'versions',
  semverLte: 'versions',
  semverGt: 'versions',
  semverGte: 'versions',
  semverTilde: 'versions',
  semverCaret: 'versions',
  cidr: 'networks',
  matches: 'patterns',
};

/** Which editor fits the values of a condition. */
export function editorOf(attribute: string, op: string): Editor {
  const own = EDITORS[op];
  if (own) return own;
  const whole = op === 'in' || op === 'notIn' || op === 'equals';
  if (whole && (attribute === 'venue' || attribute === 'venue.key')) return 'venues';
  return attribute.startsWith('venue.') ? 'suggestions' : 'tags';
}

/** Values of one operator for another: all of them, each as that one compares it where it can be read so. */
export function retyped(op: string, values: readonly Scalar[]): Scalar[] {
  const editor = EDITORS[op];
  return values.map((value) => {
    if (editor === 'numbers' && typeof value === 'string') return readNumber(value) ?? value;
    // A number can be a time, and nothing else that is compared as a text.
    return TEXTUAL.has(op) && editor !== 'times' ? String(value) : value;
  });
}

/** A number as it is typed; none for one that would be another when it is kept. */
export function readNumber(text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) return undefined;
  const value = Number(text);
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
    ? value
    : undefined;
}

/** Operators that compare texts, whatever these look like. */
const TEXTUAL = new Set<string>([
  'contains',
  'startsWith',
  'endsWith',
  'matches',
  'before',
  'after',
  'semverEq',
  'semverLt',
  'semverLte',
  'semverGt',
  'semverGte',
  'semverTilde',
  'semverCaret',
  'cidr',
]);

/** Values as they are shown for editing: a text that would be read as something else stands in quotes. */
export function shown(op: string, values: readonly Scalar[]): string[] {
  return values.map((value) => (TEXTUAL.has(op) ? String(value) : scalarWords(value)));
}

/**
 * What was typed, as the operator wants it. Where texts, numbers and booleans can all be compared, 5 is a number,
 * "5" a text. Values that were there before stay what they are.
 */
export function typed(op: string, texts: readonly string[], before: readonly Scalar[] = []): Scalar[] {
  const known = shown(op, before);
  return texts.map((text) => {
    const old = before[known.indexOf(text)];
    return old ?? (TEXTUAL.has(op) ? text : scalar(text));
  });
}

/** A number, a boolean or a text in quotes is that; everything else is a text. */
export function scalar(text: string): Scalar {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  } catch {
    // A text.
  }
  return text;
}

/** `tier=season seat="5"` as attributes of a context; a value in quotes may hold spaces. */
export function attributes(text: string): Record<string, Scalar> {
  const pairs = text.matchAll(/([^\s,=]+)=("(?:[^"\\]|\\.)*"|[^\s,]*)/g);
  return Object.fromEntries([...pairs].map(([, name = '', value = '']) => [name, scalar(value)]));
}
