import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, launch, PHONE, shoot } from './browser';
import { CLIENT, OpenIdProvider } from './provider';
import { Server } from './server';

let provider: OpenIdProvider;
let server: Server;
let browser: Browser;
let settings: Record<string, string>;

beforeAll(async () => {
  provider = await OpenIdProvider.listen({
    Ana: ['admins', 'payments'],
    Ben: ['wembley'],
    Eve: ['payments'],
  });
  settings = {
    USHER_OIDC_ISSUER: provider.issuer,
    USHER_OIDC_CLIENT_ID: CLIENT.id,
    USHER_OIDC_CLIENT_SECRET: CLIENT.secret,
    USHER_OIDC_NAME: 'Example ID',
    USHER_OIDC_GROUPS:
      '{admins=[{role="admin"}], wembley=[{role="operator", environments=["production"], venues=["wembley-stadium"]}]}',
    USHER_REQUIRE_SECOND_FACTOR_FOR_ADMINS: 'true',
  };
  server = await Server.start(1, settings);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await provider?.stop();
});

/** Goes to the provider, says who they are there, and agrees. */
async function throughProvider(page: Page, who: string, from = server.demo.url) {
  await page.goto(from);
  await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
  await page.getByPlaceholder('Enter any login').fill(who);
  await page.getByPlaceholder('and password').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

const session = async (page: Page) => (await page.request.get(`${server.demo.url}/api/v1/session`)).json();

/** Does something in a browser that nobody has used before. */
async function fresh<T>(run: (page: Page) => Promise<T>, viewport = DESK): Promise<T> {
  const context = await browser.newContext({ viewport });
  // The provider’s own pages would like a font from elsewhere.
  await context.route(/googleapis/, (route) => route.abort());
  try {
    return await run(await context.newPage());
  } finally {
    await context.close();
  }
}

test('a provider that is down is told in words, and a password still signs in', async () => {
  await fresh(async (page) => {
    await page.goto(server.demo.url);
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await page.getByRole('alert').filter({ hasText: 'can’t be reached just now' }).waitFor();
    await accessible(page, 'a provider that is down');
    await shoot(page, 'sign-in-provider-down');
    // It is said once.
    await page.reload();
    await page.getByLabel('E-mail').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.getByLabel('E-mail').fill(server.demo.email);
    await page.getByRole('textbox', { name: 'Password' }).fill(server.demo.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    // An administrator with a password owes a second factor here.
    await page.getByRole('heading', { name: 'Set up a second factor' }).waitFor();
  });
  provider.serve(server.demo.url);
});

test('people sign in with the roles of their groups, and go on where they were', async () => {
  await fresh(async (page) => {
    await throughProvider(page, 'Ana', `${server.demo.url}/people`);
    // At the page that they asked for, and nobody asks for a second factor: that was the provider’s business.
    await page.getByRole('heading', { name: 'People' }).waitFor();
    await page.getByText('Single sign-on').waitFor();
    const { user } = await session(page);
    expect(user).toMatchObject({
      name: 'Ana',
      email: 'ana@example.org',
      role: 'admin',
      bindings: [],
      throughProvider: true,
    });
    await accessible(page, 'people who sign in through a provider');
    await page.getByRole('button', { name: /Account of Ana/ }).click();
    expect(await page.getByRole('menuitem', { name: 'Second factor' }).count()).toBe(0);
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in with Example ID' }).waitFor();
  });
  await fresh(async (page) => {
    await throughProvider(page, 'Ben');
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    const { user } = await session(page);
    expect(user.role).toBe('viewer');
    expect(user.bindings).toEqual([
      { role: 'operator', environments: ['production'], venues: ['wembley-stadium'] },
    ]);
    const newest = await (await page.request.get(`${server.demo.url}/api/v1/commits?limit=1`)).json();
    expect(newest.items[0]).toMatchObject({
      actor: { name: 'Ben' },
      message: 'Ben signs in through Example ID for the first time',
    });
  }, PHONE);
});

test('who is in no group that may do anything is told so, and gets no account', async () => {
  await fresh(async (page) => {
    await throughProvider(page, 'Eve');
    await page.getByRole('alert').filter({ hasText: 'in no group that may use Usher' }).waitFor();
    expect((await session(page)).status).toBe(401);
  });
  await fresh(async (page) => {
    await throughProvider(page, 'Ana');
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    const people = await (await page.request.get(`${server.demo.url}/api/v1/users`)).json();
    expect(people.items.map(({ name }: { name: string }) => name)).not.toContain('Eve');
  });
});

test('a group that is taken away takes its rights, also from sessions that are open', async () => {
  await fresh(async (page) => {
    await throughProvider(page, 'Ben');
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    provider.groups.Ben = ['payments'];
    await fresh(async (other) => {
      await throughProvider(other, 'Ben');
      await other.getByRole('alert').filter({ hasText: 'in no group' }).waitFor();
    });
    await page.reload();
    await page.getByRole('link', { name: 'Sign in with Example ID' }).waitFor();
    provider.groups.Ben = ['admins'];
    await fresh(async (other) => {
      await throughProvider(other, 'Ben');
      await other.getByRole('heading', { name: 'Board' }).waitFor();
      expect((await session(other)).user.role).toBe('admin');
    });
  });
});

test('an account that has a password is not taken over by its address', async () => {
  provider.groups.Cleo = ['admins'];
  await fresh(async (page) => {
    await throughProvider(page, 'Ana');
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    const cleo = {
      email: 'cleo@example.org',
      name: 'Cleo',
      password: 'correct horse battery',
      role: 'viewer',
    };
    const made = await (await ask(page, server.demo, 'POST', 'users', cleo)).json();
    await fresh(async (other) => {
      await throughProvider(other, 'Cleo');
      await other.getByRole('alert').filter({ hasText: 'not tied to this sign-in' }).waitFor();
      await other.getByLabel('E-mail').waitFor();
    });
    // An administrator ties it: from then on it is theirs through the provider, and in no other way.
    const openId = { issuer: provider.issuer, subject: 'Cleo' };
    await ask(page, server.demo, 'PUT', `users/${made.key}`, { openId });
    await fresh(async (other) => {
      await throughProvider(other, 'Cleo');
      await other.getByRole('heading', { name: 'Board' }).waitFor();
      const { user } = await session(other);
      expect(user).toMatchObject({ id: made.key, role: 'admin' });
    });
    const { email, password } = cleo;
    const typed = await page.request.post(`${server.demo.url}/api/v1/session`, { data: { email, password } });
    expect(typed.status()).toBe(401);
    // Who was removed stays out.
    await ask(page, server.demo, 'DELETE', `users/${made.key}`);
    await fresh(async (other) => {
      await throughProvider(other, 'Cleo');
      await other.getByRole('alert').filter({ hasText: 'Your account was removed' }).waitFor();
    });
  });
});

test('what comes back a second time, or for another browser, opens nothing', async () => {
  const { url } = server.demo;
  const callback = await fresh(async (page) => {
    let seen = '';
    page.on('request', (request) => {
      if (request.url().includes('/session/oidc/callback')) seen = request.url();
    });
    await throughProvider(page, 'Ana');
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    await page.context().clearCookies({ name: /^usher_/ });
    await page.goto(seen);
    await page.getByRole('alert').filter({ hasText: 'took too long, or was begun elsewhere' }).waitFor();
    return seen;
  });
  await fresh(async (page) => {
    await page.goto(callback);
    await page.getByRole('alert').filter({ hasText: 'begun elsewhere' }).waitFor();
    // One that was begun here, and another’s answer.
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await page.getByPlaceholder('Enter any login').waitFor();
    await page.goto(callback);
    await page.getByRole('alert').filter({ hasText: 'begun elsewhere' }).waitFor();
    for (const state of ['', 'state=x', 'error=%3Cimg%20src%3Dx%3E', 'code=x&state=x']) {
      await page.goto(`${url}/api/v1/session/oidc/callback?${state}`);
      await page.getByRole('alert').filter({ hasText: 'begun elsewhere' }).waitFor();
      expect(await page.locator('img[src="x"]').count()).toBe(0);
    }
    expect((await session(page)).status).toBe(401);
  });
});

test('where passwords are turned off, the provider alone is offered', async () => {
  const only = await Server.start(1, { ...settings, USHER_PASSWORD_SIGN_IN: 'false' });
  try {
    await fresh(async (page) => {
      await page.goto(only.demo.url);
      await page.getByRole('link', { name: 'Sign in with Example ID' }).waitFor();
      await expect.poll(() => page.getByLabel('E-mail').count()).toBe(0);
      expect(await page.getByRole('button', { name: 'Sign in' }).count()).toBe(0);
      await accessible(page, 'a provider alone');
    }, PHONE);
    provider.serve(only.demo.url);
    await fresh(async (page) => {
      await throughProvider(page, 'Ana', `${only.demo.url}/people`);
      await page.getByText('People come through Example ID').waitFor();
      // Nobody is given a password that opens nothing.
      expect(await page.getByRole('button', { name: /Invite|Add/ }).count()).toBe(0);
    });
  } finally {
    await only.stop();
  }
});
