import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { Flag, Rule } from '../api/client';
import { RuleEditor } from './RuleEditor';

const flag: Flag = {
  key: 'prices',
  type: 'string',
  variants: { low: 'l', high: 'h', mid: 'm' },
  environments: {},
};

function open(rule?: Rule) {
  const made: Rule[] = [];
  const nothingAsked = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  render(
    <QueryClientProvider client={nothingAsked}>
      <MantineProvider env="test">
        <RuleEditor flag={flag} rule={rule} taken={[]} close={() => {}} done={(own) => made.push(own)} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const user = userEvent.setup();
  return {
    made,
    user,
    choose: async (list: string, option: string) => {
      await user.click(screen.getByRole('combobox', { name: list }));
      await user.click(await screen.findByRole('option', { name: option }));
    },
    weigh: async (part: number, percent: string) => {
      const field = screen.getByRole('textbox', { name: `Per cent of part ${part}` });
      await user.clear(field);
      await user.type(field, percent);
    },
    submit: () => screen.getByRole('button', { name: /the rule$/ }) as HTMLButtonElement,
  };
}

test('a new rule gives a split, drawn apart from its share', async () => {
  const { made, user, choose, weigh, submit } = open();
  await user.type(screen.getByRole('textbox', { name: 'Name' }), 'Trial');
  expect(screen.queryByRole('group', { name: 'Split' })).toBeNull();
  await choose('They get', 'A split between variants');
  screen.getByText('Together 100 %');
  await weigh(1, '20');
  screen.getByText('Together they have to be 100 %: 30 % are left.');
  expect(submit().disabled).toBe(true);
  await user.click(screen.getByRole('button', { name: 'Add a part' }));
  screen.getByText('Together 100 %');
  await choose('Variant of part 2', 'Pass on to the next rule');
  await user.click(submit());
  expect(made).toEqual([
    expect.objectContaining({
      id: 'trial',
      serve: {
        split: {
          by: ['targetingKey'],
          seed: 'prices-trial-split',
          weights: [{ variant: 'low', weight: 20 }, { weight: 50 }, { variant: 'mid', weight: 30 }],
        },
      },
    }),
  ]);
});

test('a split is shown and changed, and keeps what it is drawn with', async () => {
  const split = {
    by: ['venue'],
    seed: '',
    weights: [
      { variant: 'low', weight: 100 },
      { variant: 'gone', weight: 900 },
    ],
    fallback: ['device'],
    whenMissing: 'empty' as const,
    otherwise: 'mid',
  };
  const { made, user, choose, weigh, submit } = open({ id: 'r', dark: true, serve: { split } });
  expect((screen.getByRole('combobox', { name: 'They get' }) as HTMLInputElement).value).toBe(
    'A split between variants',
  );
  await user.click(submit());
  expect(made.at(-1)?.serve).toEqual({ split });
  await weigh(1, '25.5');
  await weigh(2, '74.5');
  await user.click(submit());
  expect(made.at(-1)).toMatchObject({ id: 'r', dark: true });
  expect(made.at(-1)?.serve).toEqual({
    split: {
      ...split,
      weights: [
        { variant: 'low', weight: 255 },
        { variant: 'gone', weight: 745 },
      ],
    },
  });
  // Another choice, and back: what was put in is still there.
  await choose('They get', 'high');
  await user.click(submit());
  expect(made.at(-1)?.serve).toEqual({ variant: 'high' });
  await choose('They get', 'A split between variants');
  screen.getByDisplayValue('25.5 %');
  await user.click(screen.getByRole('button', { name: 'Remove part 2' }));
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Add a part' }));
  expect((screen.getByRole('button', { name: 'Remove part 1' }) as HTMLButtonElement).disabled).toBe(true);
  await weigh(1, '100');
  await user.click(submit());
  expect(made.at(-1)?.serve.split?.weights).toEqual([{ variant: 'low', weight: 1000 }]);
});

test('what a split is drawn by can be changed, and has to be said', async () => {
  const { made, user, choose, submit } = open();
  await choose('They get', 'A split between variants');
  const by = screen.getByRole('combobox', { name: 'The split is drawn by' });
  await user.click(by);
  await user.keyboard('{Backspace}');
  screen.getByText('Say by what it is drawn.');
  expect(submit().disabled).toBe(true);
  await user.type(by, 'venue{Enter}');
  await user.click(submit());
  expect(made.at(-1)?.serve.split?.by).toEqual(['venue']);
});

test('a row that is not filled in yet stays a row', async () => {
  const { user } = open();
  await user.click(screen.getByRole('button', { name: 'Add a cohort' }));
  screen.getByRole('combobox', { name: 'Cohort' });
  await user.click(screen.getByRole('button', { name: 'Add a condition' }));
  await user.clear(screen.getByRole('combobox', { name: 'Attribute' }));
  expect(screen.queryByText(/more than rows can show/)).toBeNull();
  screen.getByRole('combobox', { name: 'Comparison' });
});
