import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { makeCache } from '../api/cache';
import { ApiError, api, type CommitSummary } from '../api/client';
import { TakeBack } from './TakeBack';

vi.mock('@tanstack/react-router', () => ({ useNavigate: () => () => undefined }));
afterEach(() => void vi.restoreAllMocks());

const commit: CommitSummary = {
  seq: 5,
  at: '2027-05-01T00:00:00Z',
  actor: { kind: 'user', id: 'ana', name: 'Ana' },
  message: 'Before the doors',
  changes: [{ kind: 'flag', key: 'seat-map', action: 'updated' }],
};

/** What going back would change, as long as the flag is at this version. */
const plan = (version: number) => ({
  changes: [{ put: { kind: 'flag', key: 'seat-map' } }],
  expected: { 'flag/seat-map': version },
  details: [
    { kind: 'flag', key: 'seat-map', action: 'updated', before: { at: `version ${version}` }, after: {} },
  ],
});

test('no more goes back than was shown: what has changed meanwhile is shown before it is tried again', async () => {
  const client = makeCache();
  client.setDefaultOptions({ queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } });
  client.setQueryData(['all-flags'], { items: [] });
  client.setQueryData(['venues'], { items: [] });
  let version = 7;
  const sent: unknown[] = [];
  vi.spyOn(api, 'POST').mockImplementation((async (path: string, { body }: { body: unknown }) => {
    if (path.endsWith('/preview')) return { data: plan(version) };
    if (path.endsWith('/reach')) return { data: { venues: [], prerequisites: [], releases: [], devices: 0 } };
    sent.push(body);
    if (sent.length === 1) throw new ApiError(412, { detail: 'It has changed.' });
    return { data: { seq: 9 } };
  }) as unknown as typeof api.POST);
  render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <TakeBack commit={commit} close={() => undefined} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  await screen.findByText(/version 7/);
  fireEvent.change(screen.getByLabelText(/Why/), { target: { value: 'It read better' } });
  version = 8;
  fireEvent.click(screen.getByRole('button', { name: 'Go back' }));
  await screen.findByText('Something has changed since this was worked out');
  await screen.findByText(/version 8/);
  await waitFor(() =>
    expect(screen.getByRole('button', { name: 'Go back' }).hasAttribute('disabled')).toBe(false),
  );
  fireEvent.click(screen.getByRole('button', { name: 'Go back' }));
  await screen.findByRole('dialog', { name: 'Back at commit 5' });
  const scope = {
    everything: false,
    flag: 'seat-map',
    venue: null,
    environment: null,
    kind: null,
    key: null,
  };
  const wanted = { to: { seq: 5 }, scope, message: 'It read better' };
  expect(sent).toEqual([7, 8].map((own) => ({ ...wanted, expected: { 'flag/seat-map': own } })));
});
