import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, added, ask, DESK, hold, launch, PHONE, signedIn } from './browser';
import { seatMap } from './seeds';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(1);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('somebody who is added signs in and sees what they may not do, and is out once removed', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Add somebody' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Mei Tanaka');
  await page.getByRole('textbox', { name: 'E-mail' }).fill('mei@usher.example');
  await page.getByRole('textbox', { name: 'Password' }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('mei@usher.example').waitFor();

  const theirs = await browser.newContext({ viewport: DESK });
  const mei = { ...server.demo, email: 'mei@usher.example', password: 'correct horse battery' };
  const other = await signedIn(theirs, mei, []);
  await other.getByRole('link', { name: 'Keys' }).click();
  await other.getByText('You may not do this').waitFor();
  // What they may not do is not offered, on the screens that they see either.
  expect(await other.getByRole('button', { name: 'Create a key' }).count()).toBe(0);
  await other.getByRole('link', { name: 'People' }).click();
  await other.getByText('You may not do this').waitFor();
  expect(await other.getByRole('button', { name: /Invite somebody|Add somebody/ }).count()).toBe(0);
  await other.getByRole('link', { name: 'History' }).click();
  await other.getByRole('button', { name: 'What changed' }).first().click();
  await other.getByRole('button', { name: 'Hide' }).waitFor();
  await expect.poll(() => other.getByText('Loading the commit').count()).toBe(0);
  expect(await other.getByRole('button', { name: 'Undo this commit' }).count()).toBe(0);

  await hold(page, /Remove Mei Tanaka/);
  await expect.poll(() => page.getByText('mei@usher.example').count()).toBe(0);
  await other.reload();
  await other.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});

test('an administrator says how many look at a change, and others see it', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const ben = await added(page, server.demo, 'Ben', { role: 'editor' });
  const theirs = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const other = await signedIn(theirs, ben, complaints);
  await other.goto(`${server.demo.url}/environments`);
  await other.getByText('Only an administrator changes how many.').waitFor();
  expect(await other.getByRole('button', { name: /Save the approvals/ }).count()).toBe(0);
  await page.getByRole('link', { name: 'Environments' }).click();
  const field = page.getByRole('textbox', { name: 'Approvals that Production asks for' });
  await field.fill('2');
  await accessible(page, 'approvals that are changed');
  await field.press('Enter');
  await other.getByRole('cell', { name: '2', exact: true }).waitFor();
  await expect
    .poll(() => page.getByRole('button', { name: 'Save the approvals of Production' }).isDisabled())
    .toBe(true);
  const saved = await page.request.get(`${server.demo.url}/api/v1/environments/production`);
  expect(await saved.json()).toMatchObject({ approvals: 2, name: 'Production' });
  await accessible(other, 'environments on a phone');
  await field.fill('0');
  await page.getByRole('button', { name: 'Save the approvals of Production' }).click();
  await expect.poll(() => other.getByRole('cell', { name: '2', exact: true }).count()).toBe(0);
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});

test('somebody who is invited sets their own password with a link that opens once', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Ines Duarte');
  await page.getByRole('textbox', { name: 'E-mail' }).fill('ines@usher.example');
  await page.getByRole('checkbox', { name: 'They may do more in some places' }).click();
  await page.getByRole('combobox', { name: 'At these venues' }).fill('Camp Nou');
  await page.getByRole('option', { name: 'Camp Nou' }).click();
  await page.keyboard.press('Escape');
  await accessible(page, 'inviting somebody');
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = (await page.getByLabel('Link', { exact: true }).textContent()) ?? '';
  expect(link).toContain('/invitation#');
  await accessible(page, 'the link of an invitation');
  await page.getByRole('button', { name: 'I have sent it' }).click();
  await page.getByRole('button', { name: 'New link for Ines Duarte' }).waitFor();
  const users = await (await page.request.get(`${server.demo.url}/api/v1/users`)).json();
  const ines = users.items.find((one: { email: string }) => one.email === 'ines@usher.example');
  expect(ines).toMatchObject({ role: 'viewer', bindings: [{ role: 'operator', venues: ['camp-nou'] }] });

  const theirs = await browser.newContext({ viewport: PHONE });
  const other = await theirs.newPage();
  await other.goto(link);
  await accessible(other, 'accepting an invitation');
  await other.getByRole('textbox', { name: 'Password' }).fill('correct horse battery');
  await other.getByRole('button', { name: 'Set it and sign in' }).click();
  await other.getByRole('heading', { name: 'Board' }).waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'New link for Ines Duarte' }).count()).toBe(0);
  // Whoever finds the link afterwards gets nowhere.
  const late = await theirs.newPage();
  await late.goto(link);
  await late.getByRole('textbox', { name: 'Password' }).fill('another good password');
  await late.getByRole('button', { name: 'Set it and sign in' }).click();
  await late.getByText('This invitation was used').waitFor();
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});

test('whoever is bound elsewhere is told what they may not do, and may do the rest', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'releases/bound', seatMap('bound'));
  const kill = (venue: string) => ({
    kill: { flag: 'seat-map', environment: 'production', venues: [venue] },
  });
  for (const [key, venue] of [
    ['at-camp-nou', 'camp-nou'],
    ['at-anfield', 'anfield'],
  ] as const)
    await ask(page, server.demo, 'PUT', `playbooks/${key}`, { key, name: key, plays: [kill(venue)] });
  const bindings = [{ role: 'editor', environments: ['production'], venues: ['camp-nou'] }];
  const gil = await added(page, server.demo, 'Gil', { role: 'viewer', bindings });
  const theirs = await browser.newContext({ viewport: DESK });
  const other = await signedIn(theirs, gil, complaints);
  await other.goto(`${server.demo.url}/flags/refund-flow`);
  await other.getByText('You may not change what is about all of production.').waitFor();
  expect(await other.getByRole('button', { name: 'Add a rule' }).isDisabled()).toBe(true);
  // At their own venue they may.
  await other.getByText('You may change them at your own venues.').waitFor();
  await other.getByRole('combobox', { name: 'Add a venue' }).click();
  expect(await other.getByRole('option').allTextContents()).toEqual(['Camp Nou']);
  await other.getByRole('option').click();
  await other.getByRole('button', { name: 'Review and save' }).waitFor();
  await accessible(other, 'a flag for an editor of one venue');
  await other.getByRole('button', { name: 'Discard' }).click();
  await other.goto(`${server.demo.url}/releases/bound`);
  await other.getByText('You may not start releases in all of production.').waitFor();
  for (const name of ['Start', 'Change the plan', 'Delete the plan'])
    expect(await other.getByRole('button', { name }).isDisabled(), name).toBe(true);
  await other.goto(`${server.demo.url}/playbooks`);
  const runs = (name: string) => other.getByRole('button', { name: `Run ${name}` });
  expect(await runs('at-anfield').isDisabled()).toBe(true);
  expect(await runs('at-camp-nou').isDisabled()).toBe(false);
  await accessible(other, 'playbooks for an editor of one venue');
  await hold(other, /Run at-camp-nou/);
  await other.getByText(/^Changed flag\/seat-map in commit/).waitFor();
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});

test('places are taken away one after the other, and none comes back with a dialog that was open before', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const at = (venue: string) => ({ role: 'operator', environments: ['production'], venues: [venue] });
  const { email } = await added(page, server.demo, 'Tove', {
    role: 'viewer',
    bindings: [at('camp-nou'), at('anfield')],
  });
  const tove = async () => {
    const { items } = await (await page.request.get(`${server.demo.url}/api/v1/users`)).json();
    return items.find((one: { email: string }) => one.email === email);
  };
  await page.getByRole('link', { name: 'People' }).click();
  const crosses = page.getByRole('button', { name: /^Tove is no longer/ });
  await expect.poll(() => crosses.count()).toBe(2);
  const search = page.getByRole('textbox', { name: 'Search people' });
  await search.fill('ANFIELD');
  await expect.poll(() => page.getByRole('row').count()).toBe(2);
  await search.fill('nobody at all');
  await page.getByText('Nobody fits “nobody at all”.').waitFor();
  await search.fill('');
  // No time to look between the two, and the first answer is late.
  await page.route('**/api/v1/users/*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  await page.getByRole('button', { name: 'Tove is no longer Operator at Camp Nou, in production' }).click();
  await page.getByRole('button', { name: 'Tove is no longer Operator at Anfield, in production' }).click();
  await expect.poll(() => crosses.count()).toBe(0);
  await expect.poll(async () => (await tove()).bindings).toEqual([]);
  await page.unroute('**/api/v1/users/*');

  const { key } = await tove();
  await ask(page, server.demo, 'PUT', `users/${key}`, { bindings: [at('camp-nou')] });
  await expect.poll(() => crosses.count()).toBe(1);
  await page.getByRole('button', { name: 'Let Tove do more in some places' }).click();
  const dialog = page.getByRole('dialog', { name: 'Let Tove do more in some places' });
  await dialog.getByRole('combobox', { name: 'At these venues' }).fill('Anfield');
  await page.getByRole('option', { name: 'Anfield' }).click();
  await page.keyboard.press('Escape');
  await ask(page, server.demo, 'PUT', `users/${key}`, { bindings: [] });
  // Under the dialog, nothing of the page is there for who listens.
  await page.getByText('Operator at Camp Nou, in production', { exact: true }).waitFor({ state: 'detached' });
  await dialog.getByRole('button', { name: 'Allow' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect((await tove()).bindings).toMatchObject([{ role: 'operator', venues: ['anfield'] }]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a token is made for some places and for some time, a key for some venues', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'Keys' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a key' });
  const choose = async (field: string, option: string) => {
    await dialog.getByRole('combobox', { name: field }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  };
  const made = async (name: string) => {
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').getByText('Copy this secret now').waitFor();
    // The next secret is not taken for this one.
    await page.getByRole('button', { name: 'Hide it' }).click();
    const { items } = await (await page.request.get(`${server.demo.url}/api/v1/keys`)).json();
    return items.find((key: { name: string }) => key.name === name);
  };
  await page.getByRole('button', { name: 'Create a key' }).click();
  await dialog.getByRole('textbox', { name: 'What it is for' }).fill('Gate robot');
  await dialog.getByText('Automation').click();
  await choose('What it may do everywhere', 'Viewer: sees everything');
  await dialog.getByLabel('It may do more in some places').check();
  await choose('In these environments', 'Production');
  await dialog.getByRole('combobox', { name: 'At these venues' }).fill('Camp');
  await page.getByRole('option', { name: 'Camp Nou' }).click();
  await dialog.getByLabel('Refused from then on').fill('2030-01-01T00:00');
  await accessible(page, 'a token for some places');
  const token = await made('Gate robot');
  expect(token.bindings).toEqual([{ role: 'operator', environments: ['production'], venues: ['camp-nou'] }]);
  expect(token.role).toBe('viewer');
  expect(new Date(token.expiresAt).getFullYear()).toBeGreaterThanOrEqual(2029);
  await page.getByRole('button', { name: 'Create a key' }).click();
  await dialog.getByRole('textbox', { name: 'What it is for' }).fill('Turnstiles');
  await dialog.getByRole('combobox', { name: 'Only for these venues' }).fill('Anf');
  await page.getByRole('option', { name: 'Anfield' }).click();
  await page.keyboard.press('Escape');
  expect(await made('Turnstiles')).toMatchObject({ environment: 'production', venues: ['anfield'] });
  expect(complaints).toEqual([]);
  await context.close();
});
