import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, added, ask, DESK, launch, PHONE, shoot, signedIn } from './browser';
import { hours } from './seeds';
import { type Demo, Server } from './server';

let server: Server;
let browser: Browser;
let ben: Demo;
let eve: Demo;

beforeAll(async () => {
  server = await Server.start(40);
  browser = await launch();
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  ben = await added(page, server.demo, 'Ben', { role: 'editor' });
  eve = await added(page, server.demo, 'Eve', { role: 'viewer' });
  const production = await (
    await page.request.get(`${server.demo.url}/api/v1/environments/production`)
  ).json();
  await ask(page, server.demo, 'PUT', 'environments/production', { ...production, approvals: 1 });
  await context.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** A browser refuses nothing silently: what the server answers to what may not be done is in its console. */
const unexpected = (complaints: string[]) => complaints.filter((text) => !/40[39]/.test(text));

test('a flag is asked for where production says so, approved by somebody else, and made, by mouse', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const theirs = await browser.newContext({ viewport: DESK, colorScheme: 'dark' });
  const other = await signedIn(theirs, ben, complaints);
  await page.goto(`${server.demo.url}/flags/resale-guard`);
  await page.getByRole('combobox', { name: 'Add a venue' }).fill('Old Trafford');
  await page.getByRole('option', { name: 'Old Trafford' }).click();
  await page.getByRole('button', { name: 'Review and save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Review and save' });
  await dialog.getByText('Production asks for 1 approval').waitFor();
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Guard resale at Old Trafford');
  await dialog.getByRole('textbox', { name: 'Why' }).fill('Touts at gate 4');
  await accessible(page, 'a flag that is asked for');
  await shoot(page, 'change-ask');
  await dialog.getByRole('button', { name: 'Ask for it' }).dblclick();
  await page
    .getByRole('status')
    .getByRole('link', { name: /change request cr-/ })
    .click();
  await page.getByRole('heading', { name: 'Guard resale at Old Trafford' }).waitFor();
  await page.getByText('You ask for this yourself').waitFor();
  await page.getByText('It has to be approved by somebody else; 0 did.').waitFor();
  await page.getByText(/1 venue gets something else/).waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);

  // Whoever could approve it is told, wherever they are.
  await other.getByRole('link', { name: /Changes 1 wait for approval/ }).click();
  await other.getByText('1 open, 1 wait for you').waitFor();
  await accessible(other, 'changes that wait');
  await other.getByRole('link', { name: 'Guard resale at Old Trafford' }).click();
  await other.getByText('Touts at gate 4').waitFor();
  await other.getByText('"old-trafford": "on"').waitFor();
  await other.getByRole('textbox', { name: 'Say something' }).fill('Gate 4 only?');
  await other.getByRole('button', { name: 'Say it' }).click();
  for (const own of [page, other]) await own.getByRole('listitem').getByText('Gate 4 only?').waitFor();
  await other.getByRole('button', { name: 'Approve' }).click();
  await other.getByText('You have approved it.').waitFor();
  await page.getByText('1 of 1 approval').waitFor();
  await page.getByText('Nothing is in its way.').waitFor();
  await accessible(page, 'a change that is approved');
  await shoot(page, 'change-approved');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('heading', { name: 'It was made' }).waitFor();
  await other.getByRole('heading', { name: 'It was made' }).waitFor();
  await accessible(other, 'a change that was made');
  await shoot(other, 'change-made-dark');
  const flag = await (await page.request.get(`${server.demo.url}/api/v1/flags/resale-guard`)).json();
  expect(flag.environments.production.venues['old-trafford']).toBe('on');
  await expect.poll(() => other.getByRole('link', { name: /wait for approval/ }).count()).toBe(0);
  expect(unexpected(complaints)).toEqual([]);
  await theirs.close();
  await context.close();
});

test('by keyboard on a phone’s width: what is refused is asked for, what has moved is taken in, and it is closed', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const page = await signedIn(context, server.demo, complaints);
  await page.goto(`${server.demo.url}/flags/sms-delivery`);
  const toggle = page.getByRole('switch', { name: /in production/ });
  const before = await toggle.isChecked();
  await toggle.focus();
  await page.keyboard.press('Space');
  const dialog = page.getByRole('dialog', { name: 'Somebody else looks at this first' });
  await dialog.getByText(/production asks for 1 approval of what its clients notice\.$/).waitFor();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null))
    .toBe(true);
  await dialog.getByRole('textbox', { name: 'Title' }).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('Switch text messages');
  await accessible(page, 'what is refused on a phone');
  await shoot(page, 'change-refused-phone');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('Nothing has been changed yet').waitFor();
  expect(await toggle.isChecked()).toBe(before);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('Switch text');
  await page.getByRole('option', { name: 'Change request: Switch text messages' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Switch text messages' }).waitFor();
  await page.getByRole('button', { name: 'Edit' }).focus();
  await page.keyboard.press('Enter');
  const edit = page.getByRole('dialog', { name: 'Edit the change request' });
  await edit.getByRole('textbox', { name: 'Why' }).fill('The other provider is back');
  await accessible(page, 'a change request that is edited');
  await edit.getByRole('button', { name: 'Save' }).press('Enter');
  await page.getByText('The other provider is back').waitFor();

  // A kill needs nobody, and moves what was looked at.
  await ask(page, server.demo, 'POST', 'flags/sms-delivery/environments/production/kill', {
    venues: ['camp-nou'],
  });
  const moved = page.getByRole('alert').filter({ hasText: 'It has moved since this was asked for' });
  await moved.getByText(/Demo changed it in commit/).waitFor();
  await accessible(page, 'a change that has moved');
  await shoot(page, 'change-moved-phone');
  await moved.getByRole('button', { name: 'Ask for it over what there is now' }).press('Enter');
  await expect.poll(() => moved.count()).toBe(0);
  await page.getByRole('textbox', { name: 'Why it is made or closed' }).fill('Not today');
  await page.getByRole('button', { name: 'Close it' }).press('Enter');
  await page.getByRole('heading', { name: 'It was closed' }).waitFor();
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);
  expect(unexpected(complaints)).toEqual([]);
  await context.close();
});

test('what can’t wait goes through with a reason, and who may not decide is told why', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, ben, complaints);
  await page.goto(`${server.demo.url}/flags/seat-map`);
  const toggle = page.getByRole('switch', { name: /in production/ });
  const before = await toggle.isChecked();
  await toggle.click();
  const dialog = page.getByRole('dialog', { name: 'Somebody else looks at this first' });
  await dialog.getByRole('tab', { name: 'It can’t wait' }).click();
  await dialog.getByRole('textbox', { name: 'Why it can’t wait' }).fill('Doors open in a minute');
  await accessible(page, 'what can’t wait');
  await dialog.getByRole('button', { name: 'Break the glass' }).click();
  await expect.poll(() => toggle.isChecked()).toBe(!before);

  await toggle.click();
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Back again');
  await dialog.getByRole('button', { name: 'Ask for it' }).click();
  await page
    .getByRole('status')
    .getByRole('link', { name: /change request/ })
    .waitFor();

  const theirs = await browser.newContext({ viewport: DESK });
  const viewer = await signedIn(theirs, eve, complaints);
  await viewer.getByRole('link', { name: /^Changes/ }).click();
  await viewer.getByText('1 open, 0 wait for you').waitFor();
  await viewer.getByRole('link', { name: 'Back again' }).click();
  await viewer.getByText('What this changes needs an editor.').waitFor();
  await viewer.getByText('Saying something needs an operator.').waitFor();
  for (const name of ['Approve', 'Make it', 'Close it', 'Edit'])
    expect(await viewer.getByRole('button', { name }).count(), name).toBe(0);
  await accessible(viewer, 'a change that is only looked at');
  await viewer.getByRole('link', { name: /^Changes/ }).click();
  await viewer.getByText('Closed', { exact: true }).click();
  await viewer.getByRole('link', { name: 'Switch text messages' }).waitFor();
  await viewer.getByRole('textbox', { name: 'Search change requests' }).fill('no such thing');
  await viewer.getByText('No change request here fits “no such thing”.').waitFor();
  await viewer.goto(`${server.demo.url}/changes/nobody-asked`);
  await viewer.getByRole('alert').waitFor();
  expect(unexpected(complaints).filter((text) => !text.includes('404'))).toEqual([]);
  await theirs.close();
  await context.close();
});

test('what is approved and frozen is made with a reason', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const flag = await (await page.request.get(`${server.demo.url}/api/v1/flags/transfer-limits`)).json();
  const staging = { ...flag.environments.staging, enabled: !flag.environments.staging.enabled };
  const put = { kind: 'flag', ...flag, environments: { ...flag.environments, staging } };
  const changes = [{ put }];
  await ask(page, server.demo, 'POST', 'change-requests', { key: 'frozen', title: 'In a freeze', changes });
  const freeze = {
    key: 'finals',
    reason: 'The finals',
    environments: ['staging'],
    from: hours(-1),
    until: hours(1),
  };
  await ask(page, server.demo, 'PUT', 'freezes/finals', freeze);
  await page.goto(`${server.demo.url}/changes/frozen`);
  await page.getByRole('button', { name: 'Make it' }).click();
  const dialog = page.getByRole('dialog', { name: 'This is frozen' });
  await accessible(page, 'a change request that is frozen');
  await dialog.getByRole('textbox', { name: 'Why it can’t wait' }).fill('The limit is wrong');
  await dialog.getByRole('button', { name: 'Break the glass' }).click();
  await page.getByRole('heading', { name: 'It was made' }).waitFor();
  await ask(page, server.demo, 'DELETE', 'freezes/finals');
  expect(unexpected(complaints)).toEqual([]);
  await context.close();
});
