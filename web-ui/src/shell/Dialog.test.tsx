import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Dialog } from './Dialog';

afterEach(() => void vi.restoreAllMocks());

function page(opened: boolean, hasOpener: boolean, close = () => undefined) {
  return (
    <MantineProvider env="test">
      <main id="screen" tabIndex={-1}>
        {hasOpener && <button type="button">Open</button>}
        {opened && (
          <Dialog title="Edit" close={close}>
            <input aria-label="Name" />
          </Dialog>
        )}
      </main>
    </MantineProvider>
  );
}

test('the focus goes back to what opened the dialog, or to the screen when that is gone', () => {
  for (const stays of [true, false]) {
    const { rerender, unmount } = render(page(false, true));
    act(() => screen.getByRole('button').focus());
    rerender(page(true, true));
    act(() => screen.getByLabelText('Name').focus());
    rerender(page(false, stays));
    expect(document.activeElement).toBe(stays ? screen.getByRole('button') : screen.getByRole('main'));
    unmount();
  }
});

test('Escape asks before it loses what was typed, and does not where nothing was', () => {
  const close = vi.fn();
  const asked = vi.spyOn(window, 'confirm').mockReturnValue(false);
  render(page(true, true, close));
  const field = screen.getByLabelText('Name');
  const press = () => fireEvent.keyDown(field, { key: 'Escape' });
  press();
  expect([close.mock.calls.length, asked.mock.calls.length]).toEqual([1, 0]);
  fireEvent.input(field, { target: { value: 'Ana' } });
  press();
  expect([close.mock.calls.length, asked.mock.calls.length]).toEqual([1, 1]);
  asked.mockReturnValue(true);
  press();
  expect([close.mock.calls.length, asked.mock.calls.length]).toEqual([2, 2]);
});
