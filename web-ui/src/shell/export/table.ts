/** What a cell of an exported table can hold. */
export type Value = string | number | boolean | null | undefined;

/** A column: its name in JSON, its title in CSV, and what a row has in it. */
export type Column<Row> = { key: string; title: string; of: (row: Row) => Value };

/** What an export has in it. */
export type Table<Row> = { columns: readonly Column<Row>[]; rows: readonly Row[] };

/**
 * A text that a spreadsheet would take for a formula, also behind blanks. Whoever names a flag `=HYPERLINK(…)` is not
 * to run anything on the machine of whoever opens the file.
 */
const FORMULA = /^\s*[=+\-@\t\r]/;

/** A field of CSV, as RFC 4180 has it: in quotes where it must be. */
function field(value: Value): string {
  if (value === null || value === undefined) return '';
  // Numbers are numbers, also below zero.
  const text = typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A table as CSV, with a mark by which spreadsheets know that it is UTF-8. */
export function csv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (values: Value[]) => `${values.map(field).join(',')}\r\n`;
  const head = line(columns.map(({ title }) => title));
  return `\uFEFF${head}${rows.map((row) => line(columns.map(({ of }) => of(row)))).join('')}`;
}

/** A table as JSON: a list of objects; what is not there is null, so that all have the same fields. */
export function json<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map(({ key, of }) => [key, of(row) ?? null])));
  return `${JSON.stringify(objects, undefined, 2)}\n`;
}
