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

test('a rule that is edited stays dark, and the flag keeps what it measures', () => {
  let edited = config;
  const edit = (change: (own: FlagConfig) => FlagConfig) => {
    edited = change(edited);
  };
  const nothingAsked = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  render(
    <QueryClientProvider client={nothingAsked}>
      <MantineProvider env="test">
        <RulesPanel flag={flag} config={config} edit={edit} />
      </MantineProvider>
    </QueryClientProvider>,
  );
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
