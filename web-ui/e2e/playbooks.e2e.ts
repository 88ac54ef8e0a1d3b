import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, hold, holdEnter, launch, PHONE, shoot, signedIn } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a playbook is written, rehearsed and run by mouse, and everybody is told until they put it away', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'environments/rehearsal', {
    key: 'rehearsal',
    name: 'Rehearsals',
    rehearsal: true,
  });
  const other = await browser.newContext({ viewport: PHONE, hasTouch: true, colorScheme: 'dark' });
  const phone = await signedIn(other, server.demo, complaints);
  await page.getByRole('link', { name: 'Playbooks' }).click();
  await page.getByText('There are no playbooks yet').waitFor();
  await page.getByRole('button', { name: 'Write a playbook' }).click();
  const dialog = page.getByRole('dialog', { name: 'Write a playbook' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Gates fail');
  const first = dialog.getByRole('group', { name: 'Play 1' });
  await first.getByRole('combobox', { name: 'Flag' }).fill('Resale');
  await page.getByRole('option', { name: 'Resale guard' }).click();
  await first.getByRole('combobox', { name: 'At these venues' }).fill('Wembley');
  await page.getByRole('option', { name: 'Wembley Stadium' }).click();
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Add a play' }).click();
  // What everybody is told is missing: the server says so where it belongs.
  await dialog.getByRole('textbox', { name: 'What everybody is told' }).fill(' ');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').waitFor();
  await accessible(page, 'a playbook with a problem');
  await shoot(page, 'playbook-refused');
  await dialog.getByRole('textbox', { name: 'What everybody is told' }).fill('Scan from paper at Wembley.');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Kills Resale guard at Wembley Stadium in production.').waitFor();
  await page.getByRole('button', { name: 'Rehearse Gates fail' }).click();
  await page.getByText('Rehearsed once.').waitFor();
  await hold(page, /Run Gates fail/);
  await page.getByText(/Changed flag\/resale-guard in commit/).waitFor();
  const told = phone.getByRole('region', { name: 'Notices' });
  await told.getByText('Scan from paper at Wembley.').waitFor();
  await accessible(phone, 'a notice on a phone');
  await shoot(phone, 'notice-phone');
  await phone.reload();
  await told.getByText('Scan from paper at Wembley.').waitFor();
  await told.getByRole('button', { name: /Put away/ }).tap();
  await expect.poll(() => told.getByText('Scan from paper').count()).toBe(0);
  await accessible(page, 'a playbook that was run');
  await shoot(page, 'playbook-run');
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  await other.close();
  await context.close();
});

test('by keyboard alone: find a playbook, hold to run it', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'playbooks/scan-offline', {
    key: 'scan-offline',
    name: 'Scan offline',
    plays: [{ on: { flag: 'offline-gate-scan', environment: 'production', venues: ['old-trafford'] } }],
  });
  // Whoever types on loses no letter.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('playbook: scan');
  await page.getByRole('option', { name: 'Playbook: Scan offline' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Scan offline' }).waitFor();
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('scan-offline');
  // Why, and the button, are next.
  await page.keyboard.press('Tab');
  await page.keyboard.type('No network');
  await page.keyboard.press('Tab');
  await holdEnter(page);
  await page.getByText(/Changed flag\/offline-gate-scan in commit/).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
