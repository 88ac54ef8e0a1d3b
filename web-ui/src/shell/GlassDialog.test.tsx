import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
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
