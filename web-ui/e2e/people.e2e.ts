import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DESK, hold, launch, signedIn } from './browser';
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

  await hold(page, /Remove Mei Tanaka/);
  await expect.poll(() => page.getByText('mei@usher.example').count()).toBe(0);
  await other.reload();
  await other.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});
