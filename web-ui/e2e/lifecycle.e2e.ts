import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { accessible, ask, DESK, go, launch, PHONE, shoot, signedIn } from './browser';
import { Server } from './server';

let server: Server;
let browser: Browser;

const config = (enabled: boolean) => ({ enabled, offVariant: 'off', default: { variant: 'on' } });
const old = (key: string, name: string, owner: string, enabled = false) => ({
  key,
  name,
  owner,
  type: 'boolean',
  variants: { on: true, off: false },
  tags: ['doors'],
  expires: '2020-12-31',
  clientVisible: true,
  environments: { production: config(enabled), staging: config(enabled) },
});

beforeAll(async () => {
  server = await Server.start(24);
  browser = await launch();
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  await page.getByText(/· 24 devices/).waitFor();
  for (const flag of [
    old('old-doors', 'Old doors', 'stewards'),
    old('old-lights', 'Old lights', 'technics', true),
    old('old-banners', 'Old banners', 'press'),
  ])
    await ask(page, server.demo, 'PUT', `flags/${flag.key}`, flag);
  const place = (flag: string, file: string, line: number) => ({
    flag,
    file,
    line,
    snippet: `client.boolean("${flag}", &context, false)`,
  });
  await ask(page, server.demo, 'PUT', 'code-references/acme%2Fweb', {
    commit: '4f1c2d9',
    references: [place('old-lights', 'src/lights.rs', 12), place('resale-guard', 'src/guard.rs', 7)],
  });
  // Devices say every few seconds what they have shown, each on its own; a page asks again much later.
  const counted = `${server.demo.url}/api/v1/flags/resale-guard/evaluations?environment=production&by=venue`;
  const hasCome = async () =>
    expect(await (await page.request.get(counted)).text()).toContain('wembley-stadium');
  await vi.waitFor(hasCome, { interval: 500, timeout: 60_000 });
  await context.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** A browser refuses nothing silently: what the server answers to what may not be done is in its console. */
const unexpected = (complaints: string[]) => complaints.filter((text) => !text.includes('409'));

test('a flag that has had its day is found, looked at and archived, by mouse', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK, acceptDownloads: true });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'Stale flags' }).click();
  const row = (name: string) => page.getByRole('row', { name });
  await row('Old doors old-doors').getByText('It should have been gone by 2020-12-31.').waitFor();
  await row('Old doors old-doors').getByText('Nowhere').waitFor();
  await row('Old lights old-lights').getByText('1 place', { exact: true }).waitFor();
  await shoot(page, 'stale-flags-light-desk');
  await page.getByRole('combobox', { name: 'Owner' }).click();
  await page.getByRole('option', { name: 'stewards (1)' }).click();
  await row('Old lights old-lights').waitFor({ state: 'detached' });
  await page.getByText('1 flag that has had its day').waitFor();
  await page.getByRole('combobox', { name: 'Why' }).click();
  await page.getByRole('option', { name: 'Always the same' }).click();
  await page.getByText('No flag fits these filters.').waitFor();
  // What is chosen again is not chosen any more.
  await page.getByRole('combobox', { name: 'Why' }).click();
  await page.getByRole('option', { name: 'Always the same' }).click();
  await row('Old doors old-doors').getByRole('link', { name: 'Old doors' }).click();
  await page.getByRole('heading', { name: 'Old doors' }).waitFor();
  await page.getByText(/Not evaluated in production since/).waitFor();
  await page.getByText(/No code names it. Looked through: acme\/web at 4f1c2d9/).waitFor();
  await page.getByRole('button', { name: 'Archive' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Why' }).fill('The doors are gone');
  await dialog.getByRole('button', { name: 'Archive', exact: true }).click();
  // Nobody asks, so it goes without another word.
  await page.getByText('Archived', { exact: true }).waitFor();
  expect(await page.getByRole('button', { name: 'Archive' }).count()).toBe(0);
  await page.getByRole('link', { name: 'Stale flags' }).click();
  await row('Old lights old-lights').waitFor();
  await row('Old doors old-doors').waitFor({ state: 'detached' });

  await go(page, '/flags/resale-guard');
  await page.getByRole('region', { name: 'Evaluations' }).waitFor();
  const evaluations = page.getByRole('region', { name: 'Evaluations', exact: true });
  await evaluations.getByText(/Last evaluated in production/).waitFor();
  await evaluations.getByText('Venue', { exact: true }).click();
  await evaluations.getByRole('img', { name: /Wembley Stadium/ }).waitFor();
  await evaluations.scrollIntoViewIfNeeded();
  await shoot(page, 'flag-evaluations-light-desk');
  await evaluations.getByText('30 days').click();
  await evaluations.getByRole('img', { name: /evaluations in 30 days: / }).waitFor();
  await evaluations.getByText('As a table').click();
  await evaluations.getByRole('columnheader', { name: 'Wembley Stadium' }).waitFor();
  const saved = page.waitForEvent('download');
  await evaluations.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('menuitem', { name: 'CSV, for spreadsheets' }).click();
  expect(readFileSync(await (await saved).path(), 'utf8')).toMatch(/^\uFEFFFrom,.*Wembley Stadium/);
  await page.getByRole('row', { name: /acme\/web src\/guard.rs:7/ }).waitFor();
  expect(unexpected(complaints)).toEqual([]);
  await context.close();
});

test('who still asks is told before a flag is archived even so, by keyboard alone', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'Stale flags' }).press('Enter');
  // The page before has a link of that name, too.
  await page.getByRole('heading', { name: 'Stale flags' }).waitFor();
  await page.getByRole('link', { name: 'Old lights' }).press('Enter');
  await page.getByRole('heading', { name: 'Old lights' }).waitFor();

  // Owner and tags are filed anew.
  const owner = page.getByRole('combobox', { name: 'Owner' });
  await owner.press('Control+a');
  await owner.pressSequentially('lighting');
  await page.keyboard.press('Escape');
  const tags = page.getByRole('combobox', { name: 'Tags' });
  await tags.pressSequentially('stage');
  await tags.press('Enter');
  await page.getByRole('button', { name: 'Review and save' }).press('Enter');
  const review = page.getByRole('dialog', { name: 'Review and save' });
  await review.getByRole('textbox', { name: 'Why' }).pressSequentially('Another team');
  await review.getByRole('button', { name: 'Save', exact: true }).press('Enter');
  await review.waitFor({ state: 'detached' });
  await page.getByText('owned by lighting').waitFor();
  await page.getByText('stage', { exact: true }).first().waitFor();

  await page.getByRole('button', { name: 'Archive' }).press('Enter');
  const dialog = page.getByRole('dialog');
  await page.keyboard.type('The lights are gone');
  await dialog.getByRole('button', { name: 'Archive', exact: true }).press('Enter');
  const alert = dialog.getByRole('alert');
  await alert.getByText('It is still asked for').waitFor();
  await alert
    .getByText(/Connected programs in production:.*24 programs that have it are connected/)
    .waitFor();
  await alert.getByText(/Code acme\/web: Its code names it, at src\/lights.rs:12/).waitFor();
  for (const size of [DESK, PHONE]) {
    await page.setViewportSize(size);
    await accessible(page, `who still asks, ${size.width}`);
    await shoot(page, `archive-asked-${size.width}`);
  }
  await page.setViewportSize(DESK);
  await dialog.getByRole('button', { name: 'Archive it even so' }).press('Enter');
  await page.getByText('Archived', { exact: true }).waitFor();

  // What would break without it is in the way whatever anybody says.
  await go(page, '/flags/express-checkout');
  await page.getByRole('heading', { name: 'Express checkout' }).waitFor();
  await page.getByRole('button', { name: 'Archive' }).press('Enter');
  await page.keyboard.type('Everybody has it');
  await dialog.getByRole('button', { name: 'Archive', exact: true }).press('Enter');
  await alert.getByRole('link', { name: 'Flag resale-guard:' }).waitFor();
  await alert.getByText('This has to change first.').waitFor();
  expect(await dialog.getByRole('button', { name: 'Archive it even so' }).isDisabled()).toBe(true);
  // Why was typed, so that it is asked before it is lost.
  const asks: string[] = [];
  page.once('dialog', (asked) => {
    asks.push(asked.message());
    void asked.accept();
  });
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(asks).toEqual(['Close this, and lose what you have put in here?']);
  await dialog.waitFor({ state: 'detached' });
  expect(unexpected(complaints)).toEqual([]);
  await context.close();
});

test('flags are filtered by owner and tag on the board and in the list', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('combobox', { name: 'Owner' }).click();
  await page.getByRole('option', { name: /^payments/ }).click();
  await page.getByText(/^3 flags at/).waitFor();
  await page.getByRole('combobox', { name: 'Tag' }).click();
  await page.getByRole('option', { name: /^resale/ }).click();
  await page.getByText(/^1 flag at/).waitFor();
  await page.getByRole('link', { name: 'Resale guard' }).waitFor();
  await page.getByRole('link', { name: 'Flags', exact: true }).click();
  await page.getByRole('combobox', { name: 'Owner' }).click();
  await page.getByRole('option', { name: /^gates/ }).click();
  await page.getByRole('link', { name: 'Resale guard' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Offline gate scan' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [DESK, PHONE]) {
    test(`stale flags and a flag’s page are accessible, ${colorScheme}, ${viewport.width}`, async () => {
      const complaints: string[] = [];
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await signedIn(context, server.demo, complaints);
      await go(page, '/stale-flags');
      await page.getByRole('heading', { name: 'Stale flags' }).waitFor();
      await page.getByRole('link', { name: 'Old banners' }).waitFor();
      await accessible(page, 'stale flags');
      await shoot(page, `stale-flags-${colorScheme}-${viewport.width}`);
      await go(page, '/flags/resale-guard');
      await page.getByRole('region', { name: 'Evaluations', exact: true }).waitFor();
      await page.getByRole('img', { name: /evaluations in 24 hours: / }).waitFor();
      await page.getByText('As a table').click();
      await accessible(page, 'a flag with its evaluations');
      await page.getByRole('region', { name: 'Evaluations', exact: true }).scrollIntoViewIfNeeded();
      await shoot(page, `flag-evaluations-${colorScheme}-${viewport.width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      await context.close();
    });
  }
}
