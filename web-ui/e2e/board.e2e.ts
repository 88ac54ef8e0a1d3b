import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, hold, launch, PHONE, rowsAsked, shoot, signedIn } from './browser';
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

test('arrow keys move through 2,188 venues with one tab stop, and the focus is never lost', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const grid = page.getByRole('grid');
  await grid.waitFor();
  expect(await grid.getAttribute('aria-colcount')).toBe('2189');
  expect(await grid.locator('[tabindex="0"]').count()).toBe(1);
  const focused = () =>
    page.evaluate(() => {
      const { row, column } = (document.activeElement as HTMLElement).dataset;
      return `${row},${column}`;
    });
  await grid.locator('[tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await expect.poll(focused).toBe('1,1');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(focused).toBe('1,0');
  await page.keyboard.press('End');
  await expect.poll(focused).toBe('1,2188');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Chosen cells' }).waitFor();
  // Scrolled out of sight by the wheel, it still has the focus.
  await page.getByRole('region', { name: /^Board/ }).evaluate((element) => element.scrollTo(0, 0));
  await page.waitForTimeout(200);
  expect(await focused()).toBe('1,2188');
  await page.keyboard.press('Tab');
  await expect
    .poll(() => page.evaluate(() => !!document.activeElement?.closest('[aria-label="Chosen cells"]')))
    .toBe(true);
  expect(complaints).toEqual([]);
  await context.close();
});

test('several cells are changed in one commit or not at all, and undone as one', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  const cell = (flag: string) => page.locator(`[data-cell="${flag}@wembley-stadium"]`);
  const newest = async () =>
    (await (await page.request.get(`${server.demo.url}/api/v1/commits?limit=1`)).json()).items[0];
  const before = {
    queue: await cell('queue-throttle').textContent(),
    express: await cell('express-checkout').textContent(),
  };
  await cell('queue-throttle').click();
  await cell('express-checkout').click();
  await page.getByRole('button', { name: 'Turn off' }).click();
  await expect.poll(() => cell('express-checkout').textContent()).toBe('off');
  const { message, changes } = await newest();
  expect(message).toBe('Turn off queue-throttle, express-checkout in production');
  expect(changes).toHaveLength(2);
  await page.getByRole('region', { name: 'Last change' }).getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => cell('express-checkout').textContent()).toBe(before.express);
  await expect.poll(() => cell('queue-throttle').textContent()).toBe(before.queue);
  // A flag of several variants can't just be turned on: which, is said, and the other stays as it is.
  const { seq } = await newest();
  await page.getByRole('button', { name: 'Turn on' }).click();
  await page.getByRole('alert').getByText('several variants that could be meant').waitFor();
  expect((await newest()).seq).toBe(seq);
  // Alone, it can be given one of them.
  await cell('express-checkout').click();
  await page.getByRole('combobox', { name: 'Give a variant' }).click();
  const option = page.getByRole('option').first();
  const variant = await option.textContent();
  await option.click();
  await expect.poll(() => cell('queue-throttle').textContent()).toBe(variant);
  await page.getByRole('button', { name: 'Clear setting' }).click();
  await context.close();
});

test('venues stand together by country or tag, and what is pinned comes first, also after a reload', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const heads = () => page.locator('[role="columnheader"]').allTextContents();
  const rows = () => page.locator('[role="rowheader"]').allTextContents();
  await expect.poll(async () => (await heads()).length).toBeGreaterThan(5);
  const [, first] = await heads();
  await page.getByRole('combobox', { name: 'Group venues' }).click();
  await page.getByRole('option', { name: 'By country' }).click();
  // Each head says its group, and groups are not torn apart.
  await expect.poll(async () => (await heads()).some((text) => text.includes('EnglandEngland'))).toBe(true);
  const countries = (await heads()).slice(1).map((text) => text.match(/([A-Z][a-z]+( [A-Z][a-z]+)?)$/)?.[1]);
  const runs = countries.filter((country, n) => country !== countries[n - 1]);
  expect(new Set(runs).size).toBe(runs.length);
  await accessible(page, 'a board by country');
  await shoot(page, 'board-by-country-light-desk');
  await page.getByRole('textbox', { name: 'Search venues' }).fill('Anfield');
  await page.locator('[data-cell$="@anfield"]').last().click();
  const pinnedFlag = await page
    .locator('[data-cell$="@anfield"][aria-pressed="true"]')
    .getAttribute('data-cell');
  await page.getByRole('button', { name: 'Pin', exact: true }).click();
  await page.getByRole('textbox', { name: 'Search venues' }).fill('');
  await page.mouse.move(5, 5);
  await expect.poll(async () => (await heads())[1]).toContain('Anfield');
  await expect.poll(() => page.locator('[data-pinned]').count()).toBe(1);
  await page.reload();
  await page.getByRole('heading', { name: 'Board' }).waitFor();
  await expect.poll(async () => (await heads())[1]).toContain('AnfieldPinned');
  await expect
    .poll(async () => (await rows())[0])
    .toBe(await page.locator('[data-pinned] [role="rowheader"]').textContent());
  // A search is for what it finds.
  await page.getByRole('textbox', { name: 'Search flags' }).fill('seat');
  await expect.poll(() => page.locator('[data-pinned]').count()).toBe(0);
  await page.getByRole('textbox', { name: 'Search flags' }).fill('');
  await page.locator(`[data-cell="${pinnedFlag}"]`).first().click();
  await page.getByRole('button', { name: 'Unpin' }).click();
  await expect.poll(() => page.locator('[data-pinned]').count()).toBe(0);
  await page.getByRole('combobox', { name: 'Group venues' }).click();
  await page.getByRole('option', { name: 'Not grouped' }).click();
  await page.mouse.move(5, 5);
  await expect.poll(async () => (await heads())[1]?.split(/\d/)[0]).toBe(first?.split(/\d/)[0]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a phone kills at its venue on the screen it is on, and shows that it has arrived', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const complaints: string[] = [];
    const context = await browser.newContext({ viewport: PHONE, hasTouch: true, colorScheme });
    const page = await signedIn(context, server.demo, complaints);
    await page.getByRole('combobox', { name: 'Venue' }).fill('Camp Nou');
    await page.getByRole('option', { name: 'Camp Nou' }).click();
    const row = page.locator('[data-flag="express-checkout"]');
    await row.getByText('on', { exact: true }).waitFor();
    await hold(page, /Kill Express checkout at Camp Nou/);
    await row.getByText('killed: off').waitFor();
    await row.getByText(/^(\d+) of \1 devices at Camp Nou, /).waitFor();
    await shoot(page, `board-killed-${colorScheme}-phone`);
    await row.getByRole('button', { name: 'Revive Express checkout at Camp Nou' }).click();
    await row.getByText('on', { exact: true }).waitFor();
    // The venue is remembered, and does not change by itself.
    await page.reload();
    await expect.poll(() => page.getByRole('combobox', { name: 'Venue' }).inputValue()).toBe('Camp Nou');
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    await context.close();
  }
});

test('a storm of commits does not fetch the board for each of them', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  await page.getByText(/· 120 devices/).waitFor();
  const boards = rowsAsked(page);
  const begun = Date.now();
  for (let n = 0; n < 60; n++)
    await ask(
      page,
      server.demo,
      'POST',
      `flags/express-checkout/environments/production/${n % 2 ? 'on' : 'off'}`,
      {
        venues: ['old-trafford'],
      },
    );
  await ask(page, server.demo, 'POST', 'flags/express-checkout/environments/production/off', {
    venues: ['old-trafford'],
  });
  await expect
    .poll(() => page.locator('[data-cell="express-checkout@old-trafford"]').textContent())
    .toBe('off');
  expect(boards()).toBeLessThanOrEqual(Math.ceil((Date.now() - begun) / 1_000) + 2);
  // All of them are in the history, page by page, down to the first.
  await page.getByRole('link', { name: 'History' }).click();
  // A commit that is only now told begins the list anew, and a click that comes with it is lost.
  const first = page.getByText('Begin the workspace');
  const older = page.getByRole('button', { name: 'Show older' });
  await expect
    .poll(
      async () => {
        if (await older.isVisible()) await older.click();
        return first.isVisible();
      },
      { interval: 500 },
    )
    .toBe(true);
  await context.close();
});

test('the board is looked at as it was, by a slider, a link and a moment, and changes nothing there', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const cell = page.locator('[data-cell="express-checkout@maracana"]');
  const turn = async (action: 'on' | 'off' | 'kill' | 'revive') => {
    const path = `flags/express-checkout/environments/production/${action}`;
    const answer = await ask(page, server.demo, 'POST', path, {
      venues: ['maracana'],
      message: `Now ${action}`,
    });
    return (await answer.json()).seq as number;
  };
  await page.getByRole('textbox', { name: 'Search venues' }).fill('maracan');
  const [off, killed] = [await turn('off'), await turn('kill')];
  await expect.poll(() => cell.textContent()).toBe('killed: off');
  // The newest commit comes with another answer than the cells.
  const back = page.getByRole('link', { name: 'Look back' });
  await expect.poll(() => back.getAttribute('href')).toMatch(new RegExp(`at=${killed}$`));
  await back.click();
  const past = page.getByRole('region', { name: 'The past' });
  await past.getByText(`As it was after commit ${killed}`).waitFor();
  await accessible(page, 'the board as it was');
  await shoot(page, 'board-past-light-desk');
  // By the keyboard, a commit at a time; the address follows.
  const slider = past.getByRole('slider', { name: 'Commit' });
  await slider.press('ArrowLeft');
  await past.getByText('Now off').waitFor();
  await expect.poll(() => cell.getAttribute('aria-label')).toMatch(/off, set for this venue, as it was$/);
  await expect.poll(() => page.url()).toMatch(new RegExp(`at=${off}$`));
  await past.getByRole('button', { name: 'One commit back' }).click();
  await expect.poll(() => cell.textContent()).toBe('on');
  // Nothing is chosen there, and nothing moves it.
  await cell.click({ force: true });
  expect(await page.getByRole('region', { name: 'Chosen cells' }).count()).toBe(0);
  await turn('revive');
  await page.waitForTimeout(1_500);
  expect(page.url()).toMatch(new RegExp(`at=${off - 1}$`));
  expect(await cell.textContent()).toBe('on');
  // The address is all that somebody else needs.
  await page.goto(`${server.demo.url}/board?at=${killed}`);
  await page.getByRole('textbox', { name: 'Search venues' }).fill('maracan');
  await expect.poll(() => cell.textContent()).toBe('killed: off');
  // A moment before there was anything leads to the first commit.
  await past.getByLabel('Moment').fill('2001-01-01T00:00');
  await past.getByRole('button', { name: 'Go there' }).click();
  await past.getByText('Begin the workspace').waitFor();
  await past.getByRole('button', { name: 'Back to now' }).click();
  await expect.poll(() => cell.textContent()).toBe('off');
  expect(page.url()).toMatch(/board$/);
  // From the history to the board that it made.
  await page.goto(`${server.demo.url}/history`);
  await page.locator(`[data-commit="${killed}"]`).getByRole('link', { name: 'Board then' }).click();
  await past.getByText(`As it was after commit ${killed}`).waitFor();
  await turn('on');
  expect(complaints).toEqual([]);
  await context.close();
});

test('what a screen shows is saved as a file, with its filter', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const saved = async (format: RegExp) => {
    await page.getByRole('button', { name: 'Export' }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: format }).click(),
    ]);
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
  };
  await page.getByRole('textbox', { name: 'Search flags' }).fill('express');
  await page.getByRole('textbox', { name: 'Search venues' }).fill('camp nou');
  await page.getByText('1 flag at 1 venue in').waitFor();
  const board = await saved(/CSV/);
  expect(board.name).toMatch(/^usher-board-production-\d{4}-\d\d-\d\d\.csv$/);
  const gets = await page.locator('[data-cell="express-checkout@camp-nou"]').textContent();
  expect(board.text).toBe(`\uFEFFFlag,Name,Camp Nou\r\nexpress-checkout,Express checkout,${gets}\r\n`);
  await page.getByRole('textbox', { name: 'Search venues' }).fill('');
  await page.getByText('1 flag at 2,188 venues').waitFor();
  expect(Object.keys(JSON.parse((await saved(/JSON/)).text)[0])).toHaveLength(2_190);
  for (const [path, searched, has] of [
    ['flags', 'Search flags', 'express-checkout'],
    ['venues', 'Search venues', 'camp-nou'],
  ] as const) {
    await page.goto(`${server.demo.url}/${path}`);
    await page.getByRole('textbox', { name: searched }).fill(has.replace('-', ' ').slice(0, 7));
    await expect.poll(() => page.getByRole('row').count()).toBeLessThan(5);
    const rows = JSON.parse((await saved(/JSON/)).text);
    expect(rows.map((row: { key: string }) => row.key)).toContain(has);
    expect(rows).toHaveLength((await page.getByRole('row').count()) - 1);
  }
  expect(complaints).toEqual([]);
  await context.close();
});

test('an address that leads nowhere says so, and titles tell where one is', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  expect(await page.title()).toBe('Board · Usher');
  await page.goto(`${server.demo.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is no such screen' }).waitFor();
  await page.getByRole('link', { name: 'Go to the board' }).click();
  await page.getByRole('heading', { name: 'Board' }).waitFor();
  await page.goto(`${server.demo.url}/flags/no-such-flag`);
  await page.getByText('There is no flag').waitFor();
  await context.close();
});
