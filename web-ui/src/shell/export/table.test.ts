import { expect, test } from 'vitest';
import { type Column, csv, json, type Value } from './table';

type Row = { name: Value; seats?: number };
const columns: Column<Row>[] = [
  { key: 'name', title: 'Name', of: ({ name }) => name },
  { key: 'seats', title: 'Seats, in all', of: ({ seats }) => seats },
];
/** What one field becomes. */
const field = (name: Value) => csv(columns, [{ name }]).split('\r\n')[1]?.replace(/,$/, '');

test('a table becomes lines of CSV, quoted where they must be', () => {
  const rows = [
    { name: 'Camp Nou', seats: 99354 },
    { name: 'The "Theatre",\nOld Trafford' },
    { name: ' padded ' },
  ];
  expect(csv(columns, rows)).toBe(
    '\uFEFFName,"Seats, in all"\r\n' +
      'Camp Nou,99354\r\n' +
      '"The ""Theatre"",\nOld Trafford",\r\n' +
      '" padded ",\r\n',
  );
  expect(csv(columns, [])).toBe('\uFEFFName,"Seats, in all"\r\n');
});

test('no text of CSV is a formula to a spreadsheet', () => {
  for (const text of ['=1+1', '+44 20', '-2+3', '@SUM(A1)', '  =1', '-'])
    expect(field(text)?.replace(/^"/, '').startsWith("'"), text).toBe(true);
  expect(field('=HYPERLINK("http://x","y")')).toBe(`"'=HYPERLINK(""http://x"",""y"")"`);
  expect(field('\t=1')).toBe(`'\t=1`);
  // What is none stays what it is.
  for (const text of ['a=b', '3d', 'off-peak', '']) expect(field(text)).toBe(text);
  expect([field(-5), field(0.5), field(true), field(null), field(undefined)]).toEqual([
    '-5',
    '0.5',
    'true',
    '',
    '',
  ]);
});

test('JSON has every field of every row, with its type and without a guard', () => {
  const text = json(columns, [{ name: '=1', seats: -5 }, { name: false }]);
  expect(JSON.parse(text)).toEqual([
    { name: '=1', seats: -5 },
    { name: false, seats: null },
  ]);
  expect(text.endsWith('\n')).toBe(true);
});
