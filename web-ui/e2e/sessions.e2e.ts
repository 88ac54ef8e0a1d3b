import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, DESK, launch, PHONE, signedIn } from './browser';
import { Server } from './server';

/** Much shorter than usual, so that tokens expire under a page while a test looks at it. */
const ACCESS_SECONDS = 3;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(1, { USHER_SESSION_ACCESS_SECONDS: String(ACCESS_SECONDS) });
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a page whose token expires goes on, in two tabs at once and after its socket was cut', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  const other = await context.newPage();
  await other.goto(`${server.demo.url}/flags`);
  await other.getByRole('heading', { name: 'Flags', exact: true }).waitFor();
  const refresh = async () => (await context.cookies()).find((one) => one.name === 'usher_session')?.value;
  const first = await refresh();
  for (let round = 0; round < 3; round += 1) {
    await page.waitForTimeout((ACCESS_SECONDS + 1) * 1_000);
    // Both ask at the same moment, with tokens that have expired.
    await Promise.all([
      page.getByRole('link', { name: round % 2 ? 'Venues' : 'Cohorts' }).click(),
      other.getByRole('link', { name: round % 2 ? 'Keys' : 'People' }).click(),
    ]);
    await page.getByRole('heading', { name: round % 2 ? 'Venues' : 'Cohorts' }).waitFor();
    await other.getByRole('heading', { name: round % 2 ? 'Keys' : 'People' }).waitFor();
    expect(await page.getByRole('button', { name: 'Sign in' }).count()).toBe(0);
    expect(await other.getByRole('button', { name: 'Sign in' }).count()).toBe(0);
  }
  expect(await refresh()).not.toBe(first);
  // The socket is opened anew with a token that is good.
  await context.setOffline(true);
  await page.waitForTimeout((ACCESS_SECONDS + 1) * 1_000);
  await context.setOffline(false);
  await page.getByRole('banner').getByText('Live').waitFor();
  expect(await page.getByRole('button', { name: 'Sign in' }).count()).toBe(0);
  await context.close();
});

test('somebody sees where they are signed in, and ends a session that is over at once', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const phone = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const page = await signedIn(context, server.demo, complaints);
  const lost = await signedIn(phone, server.demo, []);
  await page.getByRole('button', { name: /Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Your sessions' }).click();
  const dialog = page.getByRole('dialog', { name: 'Your sessions' });
  await dialog.getByText('This one').waitFor();
  await accessible(page, 'sessions');
  const before = await dialog.getByRole('row').count();
  await dialog
    .getByRole('button', { name: /End the session of Chrome on Linux/ })
    .first()
    .click();
  await expect.poll(() => dialog.getByRole('row').count()).toBe(before - 1);
  await dialog.getByRole('button', { name: 'End all others' }).click();
  await expect.poll(() => dialog.getByRole('row').count()).toBe(2);
  await lost.reload();
  await lost.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
  // An administrator does the same for others.
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Sessions of Demo' }).click();
  await page.getByRole('dialog', { name: 'Sessions of Demo' }).getByText('This one').waitFor();
  await phone.close();
  await context.close();
});
