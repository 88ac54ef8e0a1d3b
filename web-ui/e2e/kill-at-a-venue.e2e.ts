import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, added, DESK, hold, holdEnter, launch, PHONE, shoot, signedIn } from './browser';
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

test('a kill at one venue reaches every device there, leaves other venues alone, and is undone from the history', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const cell = (venue: string) => page.locator(`[data-cell="express-checkout@${venue}"]`);
  await cell('wembley-stadium').waitFor();
  await page.getByText(/· 120 devices/).waitFor();
  const others = ['camp-nou', 'stade-de-france', 'old-trafford'];
  for (const venue of ['wembley-stadium', ...others]) expect(await cell(venue).textContent()).toBe('on');

  await page.getByRole('link', { name: 'Express checkout' }).click();
  await page.getByRole('heading', { name: 'Express checkout' }).waitFor();
  await page.getByRole('combobox', { name: 'Venue', exact: true }).first().fill('Wembley');
  await page.getByRole('option', { name: 'Wembley Stadium' }).click();
  // Brushing against it does nothing.
  await page.getByRole('button', { name: /Kill at Wembley Stadium/ }).click();
  expect(await page.getByTestId('convergence').count()).toBe(0);
  await hold(page, /Kill at Wembley Stadium/);
  const line = page.getByTestId('convergence');
  await expect
    .poll(() => line.textContent(), { timeout: 10_000 })
    .toMatch(/^(\d+) of \1 devices at Wembley Stadium, /);
  expect(Number((await line.textContent())?.split(' ')[0])).toBeGreaterThan(10);

  await page.getByRole('link', { name: 'Board', exact: true }).click();
  await expect.poll(() => cell('wembley-stadium').textContent()).toBe('killed: off');
  for (const venue of others) expect(await cell(venue).textContent(), venue).toBe('on');

  await page.getByRole('link', { name: 'History' }).click();
  const newest = page.locator('[data-commit]').first();
  await expect.poll(() => newest.textContent()).toContain('Kill express-checkout at wembley-stadium');
  // The undo will be the newest then, so the kill is pinned by its number.
  const commit = page.locator(`[data-commit="${await newest.getAttribute('data-commit')}"]`);
  await commit.getByRole('button', { name: 'What changed' }).click();
  await commit.getByText('"wembley-stadium"').waitFor();
  await commit.getByRole('button', { name: 'Undo this commit' }).click();
  await commit.getByText(/Undone in commit/).waitFor();

  await page.getByRole('link', { name: 'Board', exact: true }).click();
  await expect.poll(() => cell('wembley-stadium').textContent()).toBe('on');
  expect(complaints).toEqual([]);
  await context.close();
});

test('the same by keyboard alone: choose a cell, hold to kill, see it, revive', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const cell = page.locator('[data-cell="express-checkout@camp-nou"]');
  await cell.waitFor();
  await cell.focus();
  await page.keyboard.press('Enter');
  const kill = page.getByRole('button', { name: 'Kill at Camp Nou' });
  await kill.focus();
  await holdEnter(page);
  await expect.poll(() => cell.textContent()).toBe('killed: off');
  await page.getByRole('button', { name: 'Revive' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => cell.textContent()).toBe('on');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('seat');
  await expect.poll(() => page.getByRole('option').first().textContent()).toContain('Seat map');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Seat map' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('a kill is at hand wherever a flag’s page is scrolled to', async () => {
  for (const viewport of [DESK, PHONE]) {
    const context = await browser.newContext({ viewport });
    const page = await signedIn(context, server.demo, []);
    await page.goto(`${server.demo.url}/flags/express-checkout`);
    const kill = page.getByRole('region', { name: 'Kill' });
    await kill.waitFor();
    // Until what comes late has its place, the page grows.
    await page.getByRole('region', { name: 'Owner, tags, lifetime and apps' }).waitFor();
    await expect
      .poll(async () => {
        await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
        const top = await page.evaluate(() => window.scrollY);
        const box = await kill.boundingBox();
        return top > 300 && !!box && box.y >= 56 && box.y + box.height <= viewport.height / 2;
      })
      .toBe(true);
    await shoot(page, `kill-stays-${viewport.width}`);
    await context.close();
  }
});

test('an operator of one venue kills there, and nowhere else, whichever door they try', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const admin = await signedIn(context, server.demo, complaints);
  const wim = await added(admin, server.demo, 'Wim', {
    role: 'viewer',
    bindings: [{ role: 'operator', environments: ['production'], venues: ['wembley-stadium'] }],
  });
  const theirs = await browser.newContext({ viewport: DESK });
  const page = await signedIn(theirs, wim, []);
  const cell = (venue: string) => page.locator(`[data-cell="express-checkout@${venue}"]`);

  // The board: what is elsewhere is there to be read, and pressing it does nothing.
  await cell('camp-nou').click({ force: true });
  expect(await cell('camp-nou').getAttribute('aria-disabled')).toBe('true');
  expect(await page.getByRole('region', { name: 'Chosen cells' }).count()).toBe(0);
  await accessible(page, 'a board that is read only but for one venue');
  await cell('wembley-stadium').click();
  await hold(page, /Kill at Wembley Stadium/);
  await expect.poll(() => cell('wembley-stadium').textContent()).toBe('killed: off');

  // The flag's page: nobody but Wembley can be chosen.
  await page.getByRole('link', { name: 'Express checkout' }).click();
  await page.getByRole('heading', { name: 'Express checkout' }).waitFor();
  await page.getByRole('combobox', { name: 'Venue', exact: true }).first().fill('Camp');
  await page.getByText('Nothing that you may kill it for').waitFor();
  await accessible(page, 'a flag that may be killed at one venue');

  // A page of their own making: the server says no, and says where their rights end.
  const refused = async (method: string, path: string, data: unknown = {}) => {
    const answer = await page.request.fetch(`${server.demo.url}/api/v1/${path}`, {
      method,
      data,
      headers: { Origin: server.demo.url },
    });
    return [answer.status(), (await answer.json()).code];
  };
  const kill = (environment: string, venues: string[]) =>
    refused('POST', `flags/express-checkout/environments/${environment}/kill`, { venues });
  expect(await kill('production', ['camp-nou'])).toEqual([403, 'not_in_scope']);
  expect(await kill('production', [])).toEqual([403, 'not_in_scope']);
  expect(await kill('staging', ['wembley-stadium'])).toEqual([403, 'not_in_scope']);
  expect(await refused('DELETE', 'flags/express-checkout')).toEqual([403, 'forbidden']);
  expect(await refused('GET', 'users')).toEqual([403, 'forbidden']);
  await admin.getByRole('link', { name: 'Board', exact: true }).click();
  expect(await admin.locator('[data-cell="express-checkout@camp-nou"]').textContent()).toBe('on');
  expect(complaints).toEqual([]);
  await theirs.close();
  await context.close();
});
