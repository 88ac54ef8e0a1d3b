import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { makeCache } from '../api/cache';
import { ApiError, api } from '../api/client';
import { BulkBar } from './BulkBar';
import { NO_PINS } from './pins';

afterEach(() => void vi.restoreAllMocks());

const cell = (venue: string) => ({ flag: 'seat-map', name: 'Seat map', venue });

/** The bar, with cells of a flag at these venues chosen. */
function bar() {
  const client = makeCache();
  client.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY } });
  const venues = ['anfield', 'wembley'].map((key) => ({ document: { key, name: `At ${key}` } }));
  client.setQueryData(['venues'], { items: venues, total: 2 });
  client.setQueryData(['flag', 'seat-map'], { flag: { variants: { on: true, off: false } }, version: '' });
  const progress = { connected: 4, expected: 4, converged: 4, left: 0, maxMs: 9 };
  const named = ['anfield', 'wembley'].map((venue) => ({ venue, ...progress }));
  client.setQueryData(['convergence'], {
    ...progress,
    seq: 9,
    at: '',
    message: '',
    venues: named,
    laggards: [],
  });
  return (...chosen: string[]) => (
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <BulkBar cells={chosen.map(cell)} clear={() => undefined} pins={NO_PINS} pin={() => undefined} />
      </MantineProvider>
    </QueryClientProvider>
  );
}

/** As a screen reader does: two presses. */
function kill(name: RegExp) {
  fireEvent.click(screen.getByRole('button', { name }));
  fireEvent.click(screen.getByRole('button', { name: /^Press again: / }));
}

test('a kill is told of the venue where it was done, never of one that is chosen afterwards', async () => {
  const data = { seq: 9 };
  vi.spyOn(api, 'POST').mockImplementation((async () => ({ data })) as unknown as typeof api.POST);
  const of = bar();
  const { rerender } = render(of('anfield'));
  kill(/^Kill at At anfield/);
  expect((await screen.findByTestId('convergence')).textContent).toMatch(/at At anfield/);
  for (const chosen of [['anfield', 'wembley'], ['wembley']]) {
    rerender(of(...chosen));
    expect(screen.queryByTestId('convergence')).toBeNull();
  }
  rerender(of('anfield'));
  expect(screen.getByTestId('convergence').textContent).toMatch(/at At anfield/);
});

test('a refusal is told of the cells that it was about', async () => {
  const detail = 'Not here.';
  vi.spyOn(api, 'POST').mockImplementation((async () => {
    throw new ApiError(403, { detail });
  }) as unknown as typeof api.POST);
  const of = bar();
  const { rerender } = render(of('anfield'));
  fireEvent.click(screen.getByRole('button', { name: 'Turn off' }));
  await screen.findByText(detail);
  rerender(of('wembley'));
  expect(screen.queryByText(detail)).toBeNull();
});
