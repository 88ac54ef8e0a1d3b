import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HoldButton } from './HoldButton';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function show() {
  const held = vi.fn();
  render(
    <MantineProvider env="test">
      <HoldButton onHeld={held}>Kill at Wembley Stadium</HoldButton>
    </MantineProvider>,
  );
  return { held, button: screen.getByRole('button') };
}

test('a short press does nothing, a long one acts once', () => {
  const { held, button } = show();
  fireEvent.pointerDown(button);
  act(() => void vi.advanceTimersByTime(500));
  fireEvent.pointerUp(button);
  act(() => void vi.advanceTimersByTime(2_000));
  expect(held).not.toHaveBeenCalled();
  fireEvent.pointerDown(button);
  act(() => void vi.advanceTimersByTime(3_000));
  expect(held).toHaveBeenCalledTimes(1);
});

test('the keyboard holds as well, also when the key repeats', () => {
  const { held, button } = show();
  fireEvent.keyDown(button, { key: 'Enter' });
  fireEvent.keyDown(button, { key: 'Enter', repeat: true });
  act(() => void vi.advanceTimersByTime(900));
  expect(held).toHaveBeenCalledTimes(1);
  // It is held for longer than it needs to be.
  for (let n = 0; n < 100; n++) {
    fireEvent.keyDown(button, { key: 'Enter', repeat: true });
    act(() => void vi.advanceTimersByTime(30));
  }
  expect(held).toHaveBeenCalledTimes(1);
  fireEvent.keyUp(button, { key: 'Enter' });
  fireEvent.keyDown(button, { key: 'Enter' });
  act(() => void vi.advanceTimersByTime(900));
  expect(held).toHaveBeenCalledTimes(2);
});

test('a screen reader, which can only press, presses twice', () => {
  const { held, button } = show();
  fireEvent.click(button, { detail: 0 });
  expect(held).not.toHaveBeenCalled();
  expect(screen.getByRole('button', { name: 'Press again: Kill at Wembley Stadium' })).toBe(button);
  fireEvent.click(button, { detail: 0 });
  expect(held).toHaveBeenCalledTimes(1);
  // A press that nobody follows up is forgotten.
  fireEvent.click(button, { detail: 0 });
  act(() => void vi.advanceTimersByTime(10_000));
  fireEvent.click(button, { detail: 0 });
  expect(held).toHaveBeenCalledTimes(1);
});

test('another button of the mouse, or a touch that becomes a scroll, does not hold', () => {
  const { held, button } = show();
  fireEvent.pointerDown(button, { button: 2 });
  act(() => void vi.advanceTimersByTime(3_000));
  fireEvent.pointerDown(button);
  fireEvent.pointerCancel(button);
  act(() => void vi.advanceTimersByTime(3_000));
  expect(held).not.toHaveBeenCalled();
});
