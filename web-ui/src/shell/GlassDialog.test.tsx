import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { ApiError, api } from '../api/client';
import { GlassDialog } from './GlassDialog';

const frozen = () =>
  new Response(
    JSON.stringify({
      status: 409,
      code: 'frozen',
      detail:
        'flag/f: Nothing is changed at anfield until 2126-01-01T00:00:00Z: Cup final (freeze `final`). Wait, or send `Usher-Break-Glass` with the reason why it can’t wait.',
    }),
    { status: 409, headers: { 'Content-Type': 'application/problem+json' } },
  );
const done = () =>
  new Response(JSON.stringify({ seq: 9 }), { status: 200, headers: { 'Content-Type': 'application/json' } });

const ask = (fetch: (request: Request) => Promise<Response>) =>
  api.POST('/api/v1/releases/{key}/start', {
    params: { path: { key: 'r' } },
    body: { message: 'go' },
    fetch,
  });

test('what a freeze refuses names its window, and goes through with a reason', async () => {
  const sent = vi
    .fn<(request: Request) => Promise<Response>>()
    .mockImplementationOnce(async () => frozen())
    // As a browser’s `fetch`, which is nobody’s method.
    .mockImplementationOnce(async function (this: unknown) {
      expect(this).toBeUndefined();
      return done();
    });
  render(
    <MantineProvider env="test">
      <GlassDialog />
    </MantineProvider>,
  );
  const answer = ask(sent);
  await screen.findByText(
    /Nothing is changed at anfield until .*2126|2125.*: Cup final \(freeze “final”\)\.$/,
  );
  expect(screen.getByRole('button', { name: 'Break the glass' }).hasAttribute('disabled')).toBe(true);
  fireEvent.change(screen.getByLabelText(/Why it can’t wait/), { target: { value: 'Tür 4 klemmt' } });
  fireEvent.click(screen.getByRole('button', { name: 'Break the glass' }));
  expect((await answer).data).toEqual({ seq: 9 });
  const again = sent.mock.calls[1]?.[0] as Request;
  expect(again.headers.get('Usher-Break-Glass')).toBe('Tur 4 klemmt');
  expect([again.method, await again.text()]).toEqual(['POST', '{"message":"go"}']);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
});

test('left as it is, the refusal stands, and nothing is sent again', async () => {
  const sent = vi.fn(async () => frozen());
  render(
    <MantineProvider env="test">
      <GlassDialog />
    </MantineProvider>,
  );
  const answer = ask(sent).catch((error: unknown) => error);
  fireEvent.click(await screen.findByRole('button', { name: 'Leave it as it is' }));
  const error = await answer;
  expect(error instanceof ApiError && error.problem.code).toBe('frozen');
  expect(sent).toHaveBeenCalledTimes(1);
});

const needed = async () =>
  new Response(
    JSON.stringify({
      status: 403,
      code: 'approval_needed',
      detail:
        'flag/f: production asks for 1 approval of what its clients notice. Open a change request (`POST /api/v1/change-requests`, `usher change open`), or send `Usher-Break-Glass` with the reason why it can’t wait.',
    }),
    { status: 403, headers: { 'Content-Type': 'application/problem+json' } },
  );

test('what somebody else has to look at can be asked for, where documents can say it', async () => {
  // It is loaded when it is needed, which may take a while here.
  await import('../changes/AskForm');
  const client = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  const become = (role: string) =>
    act(() => client.setQueryData(['session'], { user: { id: 'ana', name: 'Ana', role, bindings: [] } }));
  become('editor');
  render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <GlassDialog />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const saved = api
    .PUT('/api/v1/cohorts/{key}', {
      params: { path: { key: 'staff' } },
      body: { key: 'staff', name: 'Staff' },
      fetch: needed,
    })
    .catch((error: unknown) => error);
  await screen.findByText('flag/f: production asks for 1 approval of what its clients notice.');
  expect(await screen.findByDisplayValue('Change Staff')).toBeTruthy();
  expect(screen.queryByLabelText(/Why it can’t wait/)).toBeNull();
  fireEvent.click(screen.getByRole('tab', { name: 'It can’t wait' }));
  expect(screen.getByLabelText(/Why it can’t wait/)).toBeTruthy();
  become('operator');
  expect(await screen.findByText('Asking for it needs an editor.')).toBeTruthy();
  expect(screen.queryByRole('tab')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Leave it as it is' }));
  expect(await saved).toBeInstanceOf(ApiError);

  const undone = ask(needed).catch((error: unknown) => error);
  await screen.findByLabelText(/Why it can’t wait/);
  expect(screen.queryByRole('tab')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Leave it as it is' }));
  expect(await undone).toBeInstanceOf(ApiError);
});

test('who may not do it at all is asked nothing', async () => {
  const forbidden = async () =>
    new Response('{"code":"approval_needed","detail":"Sign in."}', { status: 403 });
  render(
    <MantineProvider env="test">
      <GlassDialog />
    </MantineProvider>,
  );
  await expect(ask(forbidden)).rejects.toBeInstanceOf(ApiError);
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('another conflict asks for nothing', async () => {
  const conflict = async () => new Response('{"code":"conflict"}', { status: 409 });
  render(
    <MantineProvider env="test">
      <GlassDialog />
    </MantineProvider>,
  );
  await expect(ask(conflict)).rejects.toBeInstanceOf(ApiError);
  expect(screen.queryByRole('dialog')).toBeNull();
});
