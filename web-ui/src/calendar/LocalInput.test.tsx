import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { LocalInput } from './LocalInput';

function Form() {
  const [at, setAt] = useState<string | undefined>('2027-05-15T18:30:00Z');
  return (
    <MantineProvider env="test">
      <LocalInput label="When" zone="Europe/London" value={at} error={undefined} change={setAt} />
      <output>{at ?? 'never'}</output>
    </MantineProvider>
  );
}

test('what is typed stays as it is typed, and is the time by the clocks of the zone', () => {
  render(<Form />);
  const field = screen.getByLabelText('When') as HTMLInputElement;
  expect(field.value).toBe('2027-05-15T19:30');
  const at = () => screen.getByRole('status').textContent;
  // London was a minute and a quarter behind then. As Chrome tells of it: the year is there with its first digit; and with none, nothing is.
  for (const [typed, moment] of [
    ['0002-05-15T19:30', '0002-05-15T19:32:00Z'],
    ['0020-05-15T19:30', '0020-05-15T19:32:00Z'],
    ['', 'never'],
    ['2031-05-15T19:30', '2031-05-15T18:30:00Z'],
  ] as const) {
    fireEvent.change(field, { target: { value: typed } });
    expect([field.value, at()]).toEqual([typed, moment]);
  }
  fireEvent.blur(field);
  expect(field.value).toBe('2031-05-15T19:30');
});
