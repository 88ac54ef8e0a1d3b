import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { SearchSelect } from './SearchSelect';

test('where nothing fits no list is shown, and that is said', async () => {
  const user = userEvent.setup();
  render(
    <MantineProvider env="test">
      <SearchSelect aria-label="Venue" none="No such venue" data={[{ value: 'a', label: 'Anfield' }]} />
    </MantineProvider>,
  );
  const field = screen.getByRole('combobox', { name: 'Venue' });
  await user.click(field);
  expect(screen.getByRole('option', { name: 'Anfield' })).toBeTruthy();
  await user.type(field, 'zzz');
  expect(screen.getByRole('status').textContent).toBe('No such venue');
  expect(screen.queryAllByRole('option')).toEqual([]);
  // What is left of the list is hidden, and says nothing instead of options.
  const list = document.querySelector('[role="listbox"]');
  expect([list?.textContent ?? '', list?.closest('[data-hidden]') !== null || list === null]).toEqual([
    '',
    true,
  ]);
  await user.clear(field);
  await user.type(field, 'anf');
  expect(screen.getByRole('status').textContent).toBe('');
  expect(screen.getByRole('option', { name: 'Anfield' })).toBeTruthy();
});
