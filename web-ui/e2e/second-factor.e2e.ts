import { createHmac } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, added, DESK, hold, launch, PHONE, signedIn } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(1, { USHER_REQUIRE_SECOND_FACTOR_FOR_ADMINS: 'true' });
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** What an authenticator app shows (RFC 6238), `off` steps from now. */
function codeOf(secret: string, off: number): string {
  const bits = [...secret].map((c) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'),
  );
  const bytes = bits.join('').match(/.{8}/g) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + off));
  const hmac = createHmac('sha1', Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2))))
    .update(counter)
    .digest();
  const at = hmac.readUInt8(19) & 15;
  return String((hmac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Goes through the steps on whatever page or dialog shows them; the secret, and the recovery codes. */
async function setUp(page: Page, password: string) {
  await page.getByRole('textbox', { name: 'Your password, again' }).fill(password);
  await page.getByRole('button', { name: 'Go on' }).click();
  const picture = page.getByRole('img', { name: /QR code/ });
  await picture.waitFor();
  const width = await picture.evaluate((image: HTMLImageElement) => image.naturalWidth);
  expect(width, 'the picture can be drawn').toBeGreaterThan(100);
  await accessible(page, 'setting up a second factor');
  const secret = (await page.getByLabel('Secret').textContent()) ?? '';
  await page.getByLabel('Code that the app shows').fill(codeOf(secret, -1));
  await page.getByRole('button', { name: 'Set up', exact: true }).click();
  const codes = ((await page.getByLabel('Recovery codes').textContent()) ?? '').split('\n');
  await accessible(page, 'recovery codes');
  await page.getByRole('button', { name: 'I have kept them' }).click();
  return { secret, codes };
}

test('an administrator sets up a second factor first, signs in with it, and resets that of somebody else', async () => {
  const complaints: string[] = [];
  const { email, password, url } = server.demo;
  const context = await browser.newContext({ viewport: DESK });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  const signIn = async () => {
    await page.goto(url);
    await page.getByLabel('E-mail').fill(email);
    await page.getByRole('textbox', { name: 'Password' }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await signIn();
  await page.getByRole('heading', { name: 'Set up a second factor' }).waitFor();
  const { secret, codes } = await setUp(page, password);
  expect(codes).toHaveLength(10);
  await page.getByRole('heading', { name: 'Board' }).waitFor();

  // From now on both are asked for.
  await page.getByRole('button', { name: /Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('E-mail').waitFor();
  await signIn();
  await page.getByLabel('Code').waitFor();
  await accessible(page, 'the second step of signing in');
  await page.getByLabel('Code').fill('000000');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('This code is wrong').waitFor();
  await page.getByLabel('Code').fill(codeOf(secret, 0));
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('heading', { name: 'Board' }).waitFor();

  // Somebody else sets one up because they want to, loses the phone, and is let in with a recovery code.
  const mei = await added(page, server.demo, 'Mei', { role: 'editor' });
  const theirs = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const other = await signedIn(theirs, mei, complaints);
  await other.getByRole('button', { name: /Account of/ }).click();
  await other.getByRole('menuitem', { name: 'Second factor' }).click();
  const { codes: recovery } = await setUp(other, mei.password);
  await other.getByRole('button', { name: /Account of/ }).click();
  await other.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.getByLabel('E-mail').fill(mei.email);
  await other.getByRole('textbox', { name: 'Password' }).fill(mei.password);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByLabel('Code').fill(recovery[2] ?? '');
  await other.getByRole('button', { name: 'Go on' }).click();
  await other.getByRole('heading', { name: 'Board' }).waitFor();

  await page.getByRole('link', { name: 'People' }).click();
  await hold(page, /Reset the second factor of Mei/);
  await expect
    .poll(() => page.getByRole('button', { name: /Reset the second factor of Mei/ }).count())
    .toBe(0);
  // Their session has ended with it; the password alone lets them in again.
  await other.reload();
  await other.getByLabel('E-mail').waitFor();
  await other.close();
  await signedIn(theirs, mei, complaints);
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});
