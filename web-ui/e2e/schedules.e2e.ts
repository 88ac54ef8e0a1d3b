import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, hold, launch, PHONE, shoot, signedIn } from './browser';
import { DAY, YEAR } from './seeds';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(4);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const soon = (seconds: number) =>
  new Date(Date.now() + seconds * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');

test('a flag is turned on at a venue by its clocks, moved to another time, and left out again, by mouse', async () => {
  const complaints: string[] = [];
  // Whoever plans it sits elsewhere.
  const context = await browser.newContext({ viewport: DESK, timezoneId: 'America/New_York' });
  const page = await signedIn(context, server.demo, complaints);
  const venue = await (await page.request.get(`${server.demo.url}/api/v1/venues/wembley-stadium`)).json();
  await ask(page, server.demo, 'PUT', 'venues/wembley-stadium', { ...venue, timeZone: 'Europe/London' });
  await page.getByRole('link', { name: 'Schedules' }).click();
  await page.getByText('There are no schedules yet').waitFor();
  await page.getByRole('button', { name: 'Schedule something' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Doors open');
  const where = dialog.getByRole('combobox', { name: 'Venue', exact: true });
  await where.fill('Camp Nou');
  await page.getByRole('option', { name: 'Camp Nou' }).click();
  await dialog.getByText('This venue has no time zone').waitFor();
  await where.fill('Wembley');
  await page.getByRole('option', { name: 'Wembley Stadium' }).click();
  await expect.poll(() => dialog.getByText('This venue has no time zone').count()).toBe(0);
  await dialog.getByLabel('Day and time there').fill('2020-05-15T18:00');
  const play = dialog.getByRole('group', { name: 'Play 1' });
  await play.getByRole('combobox', { name: 'Flag' }).fill('Resale');
  await page.getByRole('option', { name: 'Resale guard' }).click();
  await play.getByRole('combobox', { name: 'At these venues' }).fill('Wembley');
  await page.getByRole('option', { name: 'Wembley Stadium' }).click();
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Save' }).click();
  // A time that is over is refused where it stands.
  await dialog
    .getByText(/This time is over/)
    .first()
    .waitFor();
  expect(await dialog.getByLabel('Day and time there').getAttribute('aria-invalid')).toBe('true');
  await accessible(page, 'a schedule with a problem');
  await shoot(page, 'schedule-refused');
  await dialog.getByLabel('Day and time there').fill(`${DAY}T18:00`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const row = page.locator('[data-schedule="doors-open"]');
  await row.getByText(new RegExp(`\\w{3},? 15 May ${YEAR},? (at )?18:00 at Wembley Stadium`)).waitFor();
  await row.getByText(new RegExp(`15 May ${YEAR},? (at )?13:00`)).waitFor();
  await row.getByText('Turns Resale guard on at Wembley Stadium in production.').waitFor();
  await row.getByText('To come').waitFor();
  await accessible(page, 'a schedule');
  await shoot(page, 'schedule');
  const due = async () =>
    (await (await page.request.get(`${server.demo.url}/api/v1/schedules/doors-open/due`)).json()).at;
  expect(Date.parse(await due())).toBe(Date.parse(`${DAY}T17:00:00Z`));

  await page.getByRole('button', { name: 'Change Doors open' }).click();
  await dialog.getByLabel('Day and time there').fill(`${DAY}T19:30`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row.getByText(/19:30 at Wembley Stadium/).waitFor();
  expect(Date.parse(await due())).toBe(Date.parse(`${DAY}T18:30:00Z`));
  await hold(page, /Delete Doors open/);
  await expect.poll(() => row.count()).toBe(0);
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  await context.close();
});

test('by keyboard on a phone’s width, and what becomes of each is seen as it happens', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const page = await signedIn(context, server.demo, complaints);
  const elsewhere = await browser.newContext({ viewport: DESK });
  const other = await signedIn(elsewhere, server.demo, complaints);
  await other.goto(`${server.demo.url}/schedules`);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('schedules');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Schedules' }).waitFor();
  await page.getByRole('button', { name: 'Schedule something' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.matches('[data-autofocus]') ?? false))
    .toBe(true);
  await page.keyboard.type('Throttle for the final');
  await dialog.getByRole('combobox', { name: 'By which clocks' }).focus();
  await page.keyboard.press('Enter');
  const yours = page.getByRole('option', { name: 'Yours' });
  await yours.waitFor();
  // A list that has just come up takes no keys yet.
  const clocks = dialog.getByRole('combobox', { name: 'By which clocks' });
  await expect
    .poll(async () => {
      await page.keyboard.press('ArrowUp');
      return (await clocks.getAttribute('aria-activedescendant')) === (await yours.getAttribute('id'));
    })
    .toBe(true);
  await page.keyboard.press('Enter');
  await dialog.getByLabel(/Day and time in/).fill(`${DAY}T18:00`);
  await dialog.getByRole('combobox', { name: 'Flag' }).focus();
  await page.keyboard.type('Queue');
  await page.getByRole('option', { name: 'Queue throttle' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Save' }).press('Enter');
  await page.locator('[data-schedule="throttle-for-the-final"]').waitFor();
  await other.locator('[data-schedule="throttle-for-the-final"]').getByText('To come').waitFor();

  await ask(page, server.demo, 'PUT', 'schedules/kill-soon', {
    key: 'kill-soon',
    name: 'Kill soon',
    at: soon(3),
    plays: [{ kill: { flag: 'queue-throttle', environment: 'production', venues: ['maracana'] } }],
  });
  await other.locator('[data-schedule="kill-soon"]').getByText('Done', { exact: true }).waitFor();
  await other
    .locator('[data-schedule="kill-soon"]')
    .getByText(/in commit \d+/)
    .waitFor();
  await ask(page, server.demo, 'PUT', 'freezes/finals', {
    key: 'finals',
    reason: 'Finals',
    from: soon(-60),
    until: soon(3_600),
  });
  await ask(page, server.demo, 'PUT', 'schedules/frozen-soon', {
    key: 'frozen-soon',
    at: soon(3),
    plays: [{ off: { flag: 'queue-throttle', environment: 'production' } }],
  });
  const frozen = page.locator('[data-schedule="frozen-soon"]');
  await frozen.getByText('Frozen', { exact: true }).waitFor();
  await frozen.getByText(/Nothing is changed .*Finals/).waitFor();
  const told = page.getByRole('region', { name: 'Notices' });
  await told.getByText(/By the schedule frozen-soon, which Demo wrote/).waitFor();
  await accessible(page, 'schedules on a phone');
  await shoot(page, 'schedules-dark-phone');
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);
  expect(complaints).toEqual([]);
  await elsewhere.close();
  await context.close();
});
