import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { act, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { makeCache } from '../api/cache';
import { api, type Report } from '../api/client';
import { ConvergenceLine } from './ConvergenceLine';

afterEach(() => void vi.restoreAllMocks());

const report = (seq: number, converged: number): Report => ({
  seq,
  at: '2026-07-01T12:00:00Z',
  message: '',
  connected: 4,
  expected: 4,
  converged,
  left: 0,
  maxMs: 84,
  venues: [],
  laggards: [],
});

test('a line tells of its own commit, also when a later one is told of', async () => {
  const client = makeCache();
  client.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY } });
  client.setQueryData(['venues'], { items: [] });
  client.setQueryData(['convergence'], report(7, 2));
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <ConvergenceLine seq={7} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  const line = screen.getByRole('status');
  expect(line.textContent).toBe('2 of 4 devices everywhere, 84 ms');
  // While it moves, a screen reader is not told of each step.
  expect(line.getAttribute('aria-busy')).toBe('true');
  act(() => {
    client.setQueryData(['convergence-of', 7], report(7, 4));
    client.setQueryData(['convergence'], { ...report(8, 0), expected: 900 });
  });
  await waitFor(() => expect(line.textContent).toBe('4 of 4 devices everywhere, 84 ms'));
  expect(line.getAttribute('aria-busy')).toBe('false');
});

test('an answer that is older than what was told live does not stand for ever', async () => {
  const client = makeCache();
  client.setQueryData(['venues'], { items: [] });
  let answer: (report: Report) => void = () => undefined;
  const asked = vi.spyOn(api, 'GET').mockImplementation(
    (() =>
      new Promise((resolve) => {
        answer = (data) => resolve({ data, response: new Response() });
      })) as unknown as typeof api.GET,
  );
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <ConvergenceLine seq={7} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  const line = screen.getByRole('status');
  const asking = () => asked.mock.calls.length;
  await waitFor(() => expect(asking()).toBe(1));
  act(() => void client.setQueryData(['convergence'], report(7, 4)));
  await waitFor(() => expect(line.textContent).toBe('4 of 4 devices everywhere, 84 ms'));
  await act(async () => answer(report(7, 3)));
  await waitFor(() => expect(line.textContent).toBe('3 of 4 devices everywhere, 84 ms'));
  await waitFor(() => expect(asking()).toBe(2), { timeout: 5_000 });
  await act(async () => answer(report(7, 4)));
  await waitFor(() => expect(line.textContent).toBe('4 of 4 devices everywhere, 84 ms'));
});
