import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { ApiError, type Guard, type Stage } from '../../api/client';
import { problemsOf, within } from '../../shell/fields';
import { moved } from './change';
import { GuardFields } from './GuardFields';
import {
  headersText,
  KINDS,
  type Kind,
  kindOf,
  madeOf,
  madeThen,
  playbookOf,
  readHeaders,
  readValue,
  thenOf,
} from './guards';
import { Parts } from './Parts';
import { StageFields } from './StageFields';
import { fill } from './template';

const nothingAsked = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
const shown = (node: React.ReactNode) =>
  render(
    <QueryClientProvider client={nothingAsked}>
      <MantineProvider env="test">{node}</MantineProvider>
    </QueryClientProvider>,
  );

const refusal = new ApiError(400, {
  errors: [
    { field: 'stages[1].bake', value: 'soon', detail: 'this is no duration', mend: 'Give 30m.' },
    { field: 'guards[0].check.metric', value: '', detail: 'is missing', mend: 'Name one.' },
  ],
});

test('what the server refuses stands at the field that it names, and at no other', () => {
  const at = problemsOf(refusal);
  for (const n of [0, 1]) {
    const { unmount } = shown(
      <StageFields
        stage={{ name: 's', bake: 'soon' }}
        at={within(at, `stages[${n}]`)}
        change={() => undefined}
      />,
    );
    expect(screen.queryAllByText('This is no duration. Give 30m.')).toHaveLength(n);
    expect(screen.getByLabelText('Goes well for').getAttribute('aria-invalid')).toBe(n ? 'true' : null);
    unmount();
  }
  shown(
    <GuardFields
      guard={{ name: 'g', check: { failures: { metric: '' } } }}
      at={within(at, 'guards[0]')}
      change={() => undefined}
    />,
  );
  expect(screen.getByText('Is missing. Name one.')).toBeTruthy();
});

test('a guard of each kind has its fields, and what they don’t know of it stays', () => {
  const required: Record<Kind, string> = {
    failures: 'What programs track',
    mean: 'What programs track',
    budget: 'What programs track',
    prometheus: 'Query',
    probe: 'Address',
    webhook: 'Address',
  };
  for (const kind of Object.keys(KINDS) as Kind[]) {
    let guard: Guard = { name: 'g', check: madeOf(kind), minimumSample: 7 };
    const { unmount } = shown(
      <GuardFields
        guard={guard}
        at={() => undefined}
        change={(next) => {
          guard = next;
        }}
      />,
    );
    expect(kindOf(guard)).toBe(kind);
    fireEvent.change(screen.getByLabelText(new RegExp(`^${required[kind]}`)), { target: { value: 'x' } });
    expect(JSON.stringify(guard.check)).toContain('"x"');
    expect(guard.minimumSample).toBe(7);
    unmount();
  }
});

test('what follows a breach may be a playbook, and one that is gone is still named', () => {
  const guard: Guard = { name: 'g', check: madeOf('failures') };
  expect([thenOf(guard), playbookOf(guard)]).toEqual(['rollBack', undefined]);
  // biome-ignore lint/suspicious/noThenProperty: it is what the plan calls it, and no promise
  const run = { ...guard, then: madeThen('playbook', 'gates-fail') };
  expect([thenOf(run), playbookOf(run), run.then]).toEqual([
    'playbook',
    'gates-fail',
    { playbook: 'gates-fail' },
  ]);
  expect(madeThen('kill', 'gates-fail')).toBe('kill');
  shown(<GuardFields guard={run} at={() => undefined} change={() => undefined} />);
  expect(screen.getByRole('combobox', { name: /Which playbook/ })).toHaveProperty('value', 'gates-fail');
});

function Plan() {
  const [stages, setStages] = useState<Stage[]>([{ name: 'one' }, { name: 'two' }]);
  return (
    <>
      <output>{stages.map((stage) => stage.name).join(' ')}</output>
      <Parts
        title="Stages"
        noun="stage"
        about=""
        error={undefined}
        parts={stages}
        change={setStages}
        make={() => ({ name: 'new' })}
      >
        {(stage) => <span>{stage.name}</span>}
      </Parts>
    </>
  );
}

test('parts of a plan are added, taken away and put in another order', () => {
  shown(<Plan />);
  const says = () => screen.getByRole('status').textContent;
  fireEvent.click(screen.getByRole('button', { name: 'Move stage 2, two up' }));
  expect(says()).toBe('two one');
  fireEvent.click(screen.getByRole('button', { name: 'Add a stage' }));
  fireEvent.click(screen.getByRole('button', { name: 'Take stage 1, two away' }));
  expect(says()).toBe('one new');
  expect(moved(['a'], 0, 1)).toEqual(['a']);
});

test('templates are those of the command line', () => {
  const venues = ['a', 'b', 'c', 'd', 'e'];
  const festival = fill('festival', { venues, metric: 'checkout' });
  expect(festival.stages?.map((stage) => [stage.name, stage.venues?.length, stage.percent ?? 100])).toEqual([
    ['dark', 5, 100],
    ['canary venue', 1, 50],
    ['a few venues', 4, 50],
    ['most people', 5, 90],
    ['all', 5, 100],
  ]);
  expect([festival.notBefore, festival.never, festival.stages?.[0]?.dark]).toEqual([
    'doors-24h',
    [{ from: 'doors', until: 'finalScan' }],
    true,
  ]);
  expect(fill('arenaLeague', { venues, metric: 'm' }).stages).toHaveLength(10);
  expect(fill('checkout', { venues: [], metric: 'm' }).stages?.map((stage) => stage.percent)).toEqual([
    1,
    10,
    50,
    90,
    undefined,
  ]);
});

test('headers and values of a probe are read as they are typed', () => {
  const headers = { Authorization: 'Bearer {secret:pay}', Accept: 'a:b' };
  expect(readHeaders(headersText(headers))).toEqual(headers);
  expect(readHeaders('Authori')).toBeUndefined();
  expect([readValue('captured'), readValue('3'), readValue('"3"')]).toEqual(['captured', 3, '3']);
});
