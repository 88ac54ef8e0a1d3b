import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as Client from '../api/client';
import type * as Renew from './renew';

let client: typeof Client;
let renewing: typeof Renew;
const server = vi.fn<(request: Request) => Promise<Response>>();
let isFresh: boolean;
let canRenew: Response['status'];

const json = (status: number, value: unknown) =>
  new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json' } });
const asked = (path: string) =>
  server.mock.calls.filter(([request]) => new URL(request.url).pathname === path).length;

beforeEach(async () => {
  isFresh = false;
  canRenew = 200;
  server.mockReset();
  server.mockImplementation(async (request) => {
    const path = new URL(request.url).pathname;
    if (path === '/api/v1/session/refresh') {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isFresh = canRenew === 200;
      return json(canRenew, { expiresAt: new Date(Date.now() + 600_000).toISOString() });
    }
    if (request.method === 'POST' && path === '/api/v1/session') return json(401, { detail: 'wrong' });
    if (!isFresh) return json(401, { detail: 'ended' });
    return json(200, { path, sent: await request.text() });
  });
  vi.stubGlobal('fetch', (input: Request | string, init?: RequestInit) =>
    server(input instanceof Request ? input : new Request(new URL(input, location.origin), init)),
  );
  // What it asks with is taken once, when it is loaded.
  vi.resetModules();
  [client, renewing] = await Promise.all([import('../api/client'), import('./renew')]);
});

afterEach(() => vi.unstubAllGlobals());

const put = () =>
  client.body(
    client.api.PUT('/api/v1/cohorts/{key}', {
      params: { path: { key: 'c' } },
      body: { key: 'c', name: 'C' },
    }),
  );

test('what an expired token was refused is sent again with a new one, and nobody notices', async () => {
  const answers = await Promise.all([
    client.body(client.api.GET('/api/v1/workspace')),
    client.body(client.api.GET('/api/v1/keys')),
    put(),
  ]);
  expect(answers[2]).toMatchObject({ sent: JSON.stringify({ key: 'c', name: 'C' }) });
  expect(asked('/api/v1/session/refresh')).toBe(1);
});

test('a session that has ended is told once it can not be renewed', async () => {
  canRenew = 401;
  await expect(put()).rejects.toMatchObject({ status: 401, message: 'ended' });
  expect(asked('/api/v1/cohorts/c')).toBe(1);
});

test('a server that can not renew just now signs nobody out', async () => {
  canRenew = 503;
  const refused = await put().catch((error: unknown) => error);
  expect(refused).not.toBeInstanceOf(client.ApiError);
});

test('a wrong password renews nothing', async () => {
  const signIn = client.body(client.api.POST('/api/v1/session', { body: { email: 'a@b', password: 'x' } }));
  await expect(signIn).rejects.toMatchObject({ status: 401, message: 'wrong' });
  expect(asked('/api/v1/session/refresh')).toBe(0);
});

test('a token that expires soon is renewed before something begins with it', async () => {
  await client.body(client.api.GET('/api/v1/workspace'));
  expect(renewing.renewInTime()).toBeUndefined();
  vi.useFakeTimers({ now: Date.now() + 598_000, toFake: ['Date'] });
  await renewing.renewInTime();
  vi.useRealTimers();
  expect(asked('/api/v1/session/refresh')).toBe(2);
});
