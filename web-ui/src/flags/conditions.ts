import type { Condition } from '../api/client';

type Scalar = string | number | boolean;

/** One comparison, as a row of the editor. */
export type Row =
  | { kind: 'attribute'; attribute: string; op: NonNullable<Condition['op']>; values: Scalar[] }
  | { kind: 'cohort'; cohort: string };

/** Rows that must all hold, or of which one must. */
export type Rows = { join: 'all' | 'any'; rows: Row[] };

/** A condition as rows; undefined for one that nests deeper than rows can show. */
export function rows(condition: Condition | undefined): Rows | undefined {
  if (!condition || Object.keys(condition).length === 0) return { join: 'all', rows: [] };
  const join = condition.any ? 'any' : 'all';
  const parts = condition.all ?? condition.any ?? [condition];
  const found: Row[] = [];
  for (const part of parts) {
    if (part.cohort) found.push({ kind: 'cohort', cohort: part.cohort });
    else if (part.attribute && part.op && !part.ignoreCase) {
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

const NUMERIC = new Set<string>(['lt', 'lte', 'gt', 'gte', 'modulo']);

/** What was typed, as the operator wants it: numbers for comparisons of numbers, texts otherwise. */
export function typed(op: string, texts: string[]): Scalar[] {
  return texts.map((text) => {
    if (NUMERIC.has(op) && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
    if (text === 'true') return true;
    if (text === 'false') return false;
    return text;
  });
}
