import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, launch, shoot, signedIn } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(10);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a server that dies under an open page and comes back loses nothing that was typed, and the page shows what changed meanwhile', async () => {
  // Not as the demo's own account: that gets a new password at each start, which ends its sessions.
  const first = await browser.newContext();
  const mei = { email: 'mei@usher.example', password: 'correct horse battery' };
  await ask(await signedIn(first, server.demo, []), server.demo, 'POST', 'users', {
    ...mei,
    name: 'Mei Tanaka',
    role: 'editor',
  });
  await first.close();
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, { ...server.demo, ...mei }, []);
  const broken: string[] = [];
  page.on('pageerror', (error) => broken.push(error.message));
  await page.goto(`${server.demo.url}/flags/sms-delivery`);
  await page.getByRole('heading', { name: 'Rules' }).waitFor();
  await page.getByRole('banner').getByText('Live').waitFor();
  // Somebody is in the middle of adding a rule.
  await page.getByRole('combobox', { name: 'Add a venue' }).fill('Camp Nou');
  await page.getByRole('option', { name: 'Camp Nou' }).click();
  await page.getByRole('button', { name: 'Add a rule' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Typed before the power went');

  await server.kill();
  await page.getByRole('banner').getByText('Offline').waitFor();
  await page.getByText('what you see may be old').waitFor();
  await accessible(page, 'offline');
  await shoot(page, 'offline-light-desk');
  expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Typed before the power went');
  await page.getByRole('button', { name: 'Add the rule' }).click();
  // What is asked now says that nobody answers; what was typed stays.
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('While the server is away');
  await page.getByText('The server can’t be reached').first().waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('No answer came').last().waitFor();
  await page.getByRole('button', { name: 'Go on editing' }).click();
  // Back again, and somebody changes the same flag at once.
  const other = await context.newPage();
  await server.again();
  await other.goto(server.demo.url);
  await ask(other, server.demo, 'POST', 'flags/sms-delivery/environments/production/kill', {
    venues: ['wembley-stadium'],
  });

  await page.getByRole('banner').getByText('Live').waitFor();
  expect(await page.getByText('what you see may be old').count()).toBe(0);
  await page.getByRole('button', { name: 'Revive at Wembley Stadium' }).waitFor();
  await page.getByText('Typed before the power went').waitFor();
  await page.getByText('Somebody has changed this flag').waitFor();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: 'Keep both changes' }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('Now it is back');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => page.getByRole('region', { name: 'Unsaved changes' }).count()).toBe(0);
  const saved = await (await page.request.get(`${server.demo.url}/api/v1/flags/sms-delivery`)).json();
  expect(saved.environments.production.killed.venues).toEqual(['wembley-stadium']);
  expect(saved.environments.production.venues['camp-nou']).toBeDefined();
  expect(broken).toEqual([]);
  await context.close();
});

test('a session that ends under an open page asks for a sign-in, and goes on where one was', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  await page.goto(`${server.demo.url}/flags/seat-map`);
  await page.getByRole('heading', { name: 'Rules' }).waitFor();
  await page.getByRole('combobox', { name: 'Add a venue' }).fill('Old Trafford');
  await page.getByRole('option', { name: 'Old Trafford' }).click();
  await page.getByText('You have unsaved changes').waitFor();
  await page.getByRole('button', { name: 'Add a rule' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Typed before the session ended');
  const elsewhere = await browser.newContext();
  const other = await signedIn(elsewhere, server.demo, []);
  await context.clearCookies();
  await ask(other, server.demo, 'POST', 'flags/seat-map/environments/staging/off');
  await page.getByText('Your session has ended').waitFor();
  // Nothing of the page is to be seen or reached.
  expect(await page.getByRole('heading', { name: 'Rules', includeHidden: true }).isVisible()).toBe(false);
  expect(await page.getByRole('textbox', { name: 'Name' }).count()).toBe(0);
  expect(await page.title()).toBe('Sign in · Usher');
  await accessible(page, 'sign-in after a session has ended');
  await page.getByRole('textbox', { name: 'Password' }).fill(server.demo.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect
    .poll(() => page.getByRole('textbox', { name: 'Name' }).inputValue())
    .toBe('Typed before the session ended');
  await page.getByRole('button', { name: 'Add the rule' }).click();
  // Their change came meanwhile, and was not missed.
  await page.getByText('Somebody has changed this flag').waitFor();
  await page.getByText('Typed before the session ended').waitFor();
  await page.getByRole('banner').getByText('Live').waitFor();
  expect(page.url()).toContain('/flags/seat-map');
  expect(await page.title()).toBe('Seat map · Usher');
  await elsewhere.close();
  await context.close();
});
