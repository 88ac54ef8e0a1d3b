import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { Flag, FlagConfig } from '../api/client';
import { RulesPanel } from './RulesPanel';

const config: FlagConfig = {
  enabled: true,
  offVariant: 'off',
  default: { variant: 'off' },
  measure: ['checkout'],
  rules: [
    { id: 'canary', serve: { variant: 'on' }, dark: true },
    { id: 'staff', serve: { variant: 'on' } },
  ],
};
const flag: Flag = {
  key: 'seat-map',
  type: 'boolean',
  variants: { on: true, off: false },
  environments: { production: config },
};

function panel(own: FlagConfig, edit: (change: (own: FlagConfig) => FlagConfig) => void) {
  const nothingAsked = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  return (
    <QueryClientProvider client={nothingAsked}>
      <MantineProvider env="test">
        <RulesPanel flag={flag} config={own} edit={edit} begin={() => edit} />
      </MantineProvider>
    </QueryClientProvider>
  );
}

test('a rule that is edited stays dark, and the flag keeps what it measures', () => {
  let edited = config;
  const edit = (change: (own: FlagConfig) => FlagConfig) => {
    edited = change(edited);
  };
  render(panel(config, edit));
  fireEvent.click(screen.getByRole('button', { name: 'Edit canary' }));
  fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'Canary' } });
  fireEvent.click(screen.getByRole('button', { name: 'Change the rule' }));
  expect(edited.rules?.[0]).toMatchObject({ id: 'canary', name: 'Canary', dark: true });
  expect(edited.rules?.[1]?.dark).toBeUndefined();
  expect(edited.measure).toEqual(['checkout']);
  fireEvent.click(screen.getByRole('button', { name: 'Move staff up' }));
  expect(edited.rules?.map((rule) => [rule.id, rule.dark])).toEqual([
    ['staff', undefined],
    ['canary', true],
  ]);
  expect(edited.measure).toEqual(['checkout']);
});

test('a rule is changed as it was when it was opened, and no other in its place', () => {
  let edited = config;
  const { rerender } = render(
    panel(config, (change) => {
      edited = change(config);
    }),
  );
  fireEvent.click(screen.getByRole('button', { name: 'Edit staff' }));
  fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'Staff' } });
  // Somebody else has taken the rule away, and put another in its place.
  const others = [
    { id: 'canary', serve: { variant: 'on' } },
    { id: 'gates', serve: { variant: 'off' } },
  ];
  const elsewhere = () => {
    throw new Error('It was begun with what was seen before.');
  };
  rerender(panel({ ...config, rules: others }, elsewhere));
  fireEvent.click(screen.getByRole('button', { name: 'Change the rule' }));
  expect(edited.rules?.map((rule) => [rule.id, rule.name])).toEqual([
    ['canary', undefined],
    ['staff', 'Staff'],
  ]);
});
