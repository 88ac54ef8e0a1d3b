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

test('an event is added and rescheduled by the clocks of its venue, frozen around, and deleted, by mouse', async () => {
  const complaints: string[] = [];
  // Whoever plans it sits elsewhere.
  const context = await browser.newContext({ viewport: DESK, timezoneId: 'America/New_York' });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'Calendar' }).click();
  await page.getByText('There are no events yet').waitFor();
  await page.getByRole('button', { name: 'Add an event' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Cup final');
  await dialog.getByRole('combobox', { name: 'Venue' }).fill('Wembley');
  await page.getByRole('option', { name: 'Wembley Stadium' }).click();
  await dialog.getByRole('combobox', { name: 'Clocks' }).fill('London');
  await page.getByRole('option', { name: 'Europe/London' }).click();
  await dialog.getByText('By the clocks of Europe/London').waitFor();
  await dialog.getByLabel('Doors open').fill(`${DAY}T17:00`);
  await dialog.getByLabel('It starts').fill(`${DAY}T16:00`);
  await dialog.getByLabel('Final scan').fill(`${DAY}T19:30`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/It starts before the doors open\. Let it start/).waitFor();
  await accessible(page, 'an event with a problem');
  await shoot(page, 'event-refused');
  await dialog.getByLabel('It starts').fill(`${DAY}T19:00`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const row = page.locator('[data-event="cup-final"]');
  await row.getByText('19:00').waitFor();
  const saved = await page.request.get(`${server.demo.url}/api/v1/events/cup-final`);
  expect(Date.parse((await saved.json()).start)).toBe(Date.parse(`${DAY}T18:00:00Z`));

  await page.getByRole('button', { name: 'Reschedule Cup final' }).click();
  await dialog.getByLabel('It starts').fill(`${DAY}T20:00`);
  await dialog.getByLabel('Final scan').fill(`${DAY}T20:30`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row.getByText('20:30').waitFor();

  // Typed over what is there, key by key: a year is there with its first digit.
  await page.getByRole('button', { name: 'Reschedule Cup final' }).click();
  for (const field of ['Doors open', 'It starts', 'Final scan']) {
    const input = dialog.getByLabel(field);
    await input.focus();
    await input.pressSequentially(`0616${YEAR + 1}`);
    await expect.poll(() => input.inputValue()).toContain(`${YEAR + 1}-06-16T`);
  }
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  const moved = await page.request.get(`${server.demo.url}/api/v1/events/cup-final`);
  expect(Date.parse((await moved.json()).start)).toBe(Date.parse(`${YEAR + 1}-06-16T19:00:00Z`));

  await page.getByRole('button', { name: 'Add a freeze' }).click();
  await dialog.getByRole('textbox', { name: 'Why, as people are told' }).fill('People come in');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const freeze = page.locator('[data-freeze="people-come-in"]');
  await freeze.getByText(/from 2 hours before the doors open until the final scan/).waitFor();
  await accessible(page, 'a calendar');
  await shoot(page, 'calendar-filled');
  await hold(page, /Delete People come in/);
  await expect.poll(() => freeze.count()).toBe(0);
  await hold(page, /Delete Cup final/);
  await expect.poll(() => row.count()).toBe(0);
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  await context.close();
});

test('by keyboard alone on a phone’s width: add a freeze, and see it come by itself elsewhere', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: PHONE, colorScheme: 'dark' });
  const page = await signedIn(context, server.demo, complaints);
  const elsewhere = await browser.newContext({ viewport: DESK });
  const other = await signedIn(elsewhere, server.demo, complaints);
  await other.goto(`${server.demo.url}/calendar`);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('calendar');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Calendar' }).waitFor();
  await page.getByRole('button', { name: 'Add a freeze' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.matches('[data-autofocus]') ?? false))
    .toBe(true);
  await page.keyboard.type('Finals');
  await page.keyboard.press('Enter');
  await page.locator('[data-freeze="finals"]').waitFor();
  await other.locator('[data-freeze="finals"]').waitFor();
  await accessible(page, 'a freeze on a phone');
  await shoot(page, 'freeze-dark-phone');
  await ask(page, server.demo, 'DELETE', 'freezes/finals');
  await expect.poll(() => other.locator('[data-freeze="finals"]').count()).toBe(0);
  expect(complaints).toEqual([]);
  await elsewhere.close();
  await context.close();
});
