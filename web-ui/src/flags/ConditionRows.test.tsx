import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { ownZone } from '../calendar/when';
import { toLocal } from '../calendar/zone';
import { ConditionRows } from './ConditionRows';
import type { Row, Rows, Scalar } from './conditions';

const VENUES = [
  { key: 'wembley-stadium', name: 'Wembley Stadium', country: 'England', tags: ['football'] },
  { key: 'camp-nou', name: 'Camp Nou', country: 'Spain', tags: ['football', 'open-air'] },
  { key: 'arena-1', name: 'Arena', country: 'Spain' },
  { key: 'arena-2', name: 'Arena', country: 'Spain' },
];

function Form({ initial, told }: { initial: Rows; told: (rows: Rows) => void }) {
  const [rows, setRows] = useState(initial);
  told(rows);
  return <ConditionRows rows={rows} change={setRows} />;
}

function show(...own: [attribute: string, op: string, values: Scalar[]][]) {
  let now: Rows = {
    join: 'all',
    rows: own.map(([attribute, op, values]) => ({ kind: 'attribute', attribute, op, values }) as Row),
  };
  const client = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  client.setQueryData(['venues'], { items: VENUES.map((document) => ({ document, version: 1 })), total: 4 });
  render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <Form
          initial={now}
          told={(rows) => {
            now = rows;
          }}
        />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const row = (n = 0) => now.rows[n] as Extract<Row, { kind: 'attribute' }>;
  return { user: userEvent.setup(), values: (n = 0) => row(n).values, row };
}

const field = () => screen.getByRole('combobox', { name: 'Values' });
const choose = async (user: ReturnType<typeof userEvent.setup>, list: string, option: string) => {
  await user.click(screen.getByRole('combobox', { name: list }));
  await user.click(screen.getByRole('option', { name: option }));
};

test('venues are chosen by name, and what is no venue stays as it is', async () => {
  const { user, values } = show(['venue', 'in', ['wembley-stadium', 'gone-ground', '5', 5]]);
  for (const shown of ['Wembley Stadium', 'gone-ground', '"5"', '5']) screen.getAllByText(shown);
  await user.type(field(), 'camp');
  await user.click(screen.getByRole('option', { name: 'Camp Nou' }));
  expect(values()).toEqual(['wembley-stadium', 'gone-ground', '5', 5, 'camp-nou']);
  // Two of the same name are told apart.
  await user.type(field(), 'arena');
  await user.click(screen.getByRole('option', { name: 'Arena (arena-2)' }));
  expect(values().at(-1)).toBe('arena-2');
  await user.type(field(), 'nowhere');
  expect(screen.getByRole('status').textContent).toBe('No venue fits.');
});

test('what venues have is suggested, and anything else can be typed', async () => {
  const { user, values } = show(['venue.country', 'in', []]);
  await user.click(field());
  expect(screen.getAllByRole('option').map((one) => one.textContent)).toEqual(['England', 'Spain']);
  await user.click(screen.getByRole('option', { name: 'Spain' }));
  await user.type(field(), 'Atlantis{Enter}');
  expect(values()).toEqual(['Spain', 'Atlantis']);
});

test('a number is taken, and what is none is refused and can be mended', async () => {
  const { user, values } = show(['venue.capacity', 'gte', []]);
  await user.type(field(), '60,000{Enter}');
  expect(values()).toEqual([]);
  screen.getByText('“60,000” is no number, such as 60000 or 2.5.');
  expect((field() as HTMLInputElement).value).toBe('60,000');
  await user.clear(field());
  expect(screen.queryByText(/is no number/)).toBeNull();
  await user.type(field(), '60000{Enter}');
  expect([values(), (field() as HTMLInputElement).value]).toEqual([[60000], '']);
  await user.click(field());
  await user.paste('a lot');
  screen.getByText('“a lot” is no number, such as 60000 or 2.5.');
  expect(values()).toEqual([60000]);
  await user.clear(field());
  await user.type(field(), '9007199254740993{Enter}');
  screen.getByText('“9007199254740993” has more digits than are kept exactly.');
  expect(values()).toEqual([60000]);
});

test('values of another kind stay, with a warning, until somebody removes them', async () => {
  const { user, values, row } = show(['gate', 'in', ['7', 'north']]);
  await choose(user, 'Comparison', 'is above');
  expect(values()).toEqual([7, 'north']);
  screen.getByText(/“north” is no number/);
  await choose(user, 'Comparison', 'is after');
  // A number of milliseconds is a time.
  expect(values()).toEqual([7, 'north']);
  screen.getByText(/“north” is no time/);
  await choose(user, 'Comparison', 'is there');
  expect([row().op, values()]).toEqual(['exists', [7, 'north']]);
  await user.click(screen.getByRole('button', { name: 'Remove the value north' }));
  await user.click(screen.getByRole('button', { name: 'Remove the value 7' }));
  expect(values()).toEqual([]);
  expect(screen.queryByText(/Warning/)).toBeNull();
  expect(document.activeElement).toBe(field());
});

test('another attribute keeps the values', () => {
  const { values } = show(['venue', 'in', ['camp-nou']]);
  fireEvent.change(screen.getByRole('combobox', { name: 'Attribute' }), { target: { value: 'venue.city' } });
  expect(values()).toEqual(['camp-nou']);
  screen.getByText('camp-nou');
});

test('a time is given by the clocks of this browser, which are named, and kept as an instant', async () => {
  const { user, values } = show(['currentTime', 'after', ['2027-05-15T18:30:00Z', 'soon']]);
  screen.getByText(`By your clocks, those of ${ownZone()}: one moment everywhere`);
  const time = (n: number) => screen.getByLabelText(new RegExp(`^Time ${n}, `)) as HTMLInputElement;
  expect(time(1).value).toBe(toLocal('2027-05-15T18:30:00Z', ownZone()));
  await user.click(screen.getByRole('button', { name: 'Add a time' }));
  expect(values()).toEqual(['2027-05-15T18:30:00Z', 'soon']);
  const next = '2031-05-15T18:30:00Z';
  fireEvent.change(time(2), { target: { value: toLocal(next, ownZone()) } });
  expect(values()).toEqual(['2027-05-15T18:30:00Z', next, 'soon']);
  // While it is typed there is none; its field stays.
  fireEvent.change(time(1), { target: { value: '' } });
  expect([values(), time(2).value]).toEqual([[next, 'soon'], toLocal(next, ownZone())]);
  await user.click(screen.getByRole('button', { name: 'Remove time 1' }));
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Add a time' }));
  expect(time(1).value).toBe(toLocal(next, ownZone()));
  await user.click(screen.getByRole('button', { name: 'Remove the value soon' }));
  expect(values()).toEqual([next]);
});

test('an attribute is there, or it is not', async () => {
  const { user, values } = show(['seat', 'exists', []]);
  expect((field() as HTMLInputElement).value).toBe('Yes');
  await choose(user, 'Values', 'No, it is not');
  expect(values()).toEqual([false]);
  await choose(user, 'Values', 'Yes');
  expect(values()).toEqual([true]);
});

test.each([
  ['semverGte', '3.x', '3.2.0', 'version'],
  ['cidr', '10.1', '10.1.0.0/16', 'network'],
  ['matches', 'a(', '^gate-[[0-9]+$', 'regular expression'],
])('what is typed for %s is looked at, warned of, and taken all the same', async (op, bad, good, what) => {
  const { user, values } = show(['thing', op, []]);
  expect(screen.getByRole('status').textContent).toContain(`A ${what} such as`);
  await user.type(field(), bad);
  expect(screen.getByRole('status').textContent).toContain(
    `Warning: What is typed does not look like a ${what}`,
  );
  await user.keyboard('{Enter}');
  expect(values()).toEqual([bad]);
  expect(screen.getByRole('status').textContent).toContain(`Warning: “${bad}” does not look like`);
  await user.keyboard('{Backspace}');
  await user.type(field(), `${good}{Enter}`);
  expect(values()).toEqual([good.replace('[[', '[')]);
  expect(screen.getByRole('status').textContent).not.toContain('Warning');
});

test('a row that is removed takes nothing of the others with it, and the focus is kept', async () => {
  const { user, values } = show(['a', 'gt', [1]], ['b', 'gt', [2]]);
  const [, second] = screen.getAllByRole('combobox', { name: 'Values' });
  await user.type(second as HTMLElement, 'two{Enter}');
  await user.click(screen.getAllByRole('button', { name: 'Remove this condition' })[0] as HTMLElement);
  expect(values()).toEqual([2]);
  expect((field() as HTMLInputElement).value).toBe('two');
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Add a condition' }));
});
