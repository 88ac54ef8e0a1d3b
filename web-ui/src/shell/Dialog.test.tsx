import { MantineProvider } from '@mantine/core';
import { act, render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Dialog } from './Dialog';

function page(opened: boolean, hasOpener: boolean) {
  return (
    <MantineProvider env="test">
      <main id="screen" tabIndex={-1}>
        {hasOpener && <button type="button">Open</button>}
        {opened && (
          <Dialog title="Edit" close={() => undefined}>
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
