import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, DESK, launch, PHONE, rowsAsked, signedIn } from './browser';
import { Server } from './server';

/** As large as the budget says. The demo has the venues, and some flags of its own. */
const FLAGS = 5_000;
const VENUES = 2_188;
/** Most that is in the page at once, whatever there is to show. */
const MOST_NODES = 3_000;
/** Changes that come while somebody looks, and how long it takes them to. `make soak` has the long form. */
const CHANGES = Number(process.env.USHER_SCALE_CHANGES ?? 200);
const SECONDS = Number(process.env.USHER_SCALE_SECONDS ?? 12);

const TOPICS = ['Turnstile', 'Seat map', 'Refund', 'Queue', 'Resale', 'Menu', 'Parking', 'Upgrade'];
const COUNTRIES = ['England', 'Spain', 'Germany', 'Italy', 'Brazil'];

const key = (n: number) => `scale-${String(n).padStart(4, '0')}`;
const topic = (n: number) => TOPICS[n % TOPICS.length] ?? '';
const name = (n: number) => `${topic(n)} ${String(n).padStart(4, '0')}`;

/** A flag of one of the kinds that there are: plain, drawn, set at venues, by a rule. */
function flag(n: number) {
  const draw = { by: ['targetingKey'], seed: key(n) };
  const weights = [
    { variant: 'on', weight: 30 },
    { variant: 'off', weight: 70 },
  ];
  const country = COUNTRIES[n % COUNTRIES.length];
  const rule = {
    id: 'country',
    if: { attribute: 'venue.country', op: 'in', values: [country] },
    serve: { variant: 'on' },
  };
  return {
    kind: 'flag',
    key: key(n),
    name: name(n),
    type: 'boolean',
    variants: { on: true, off: false },
    owner: 'scale',
    environments: {
      production: {
        enabled: n % 7 !== 0,
        offVariant: 'off',
        venues: n % 4 === 0 ? { 'wembley-stadium': 'on', 'camp-nou': 'off' } : {},
        rules: n % 4 === 2 ? [rule] : [],
        default: n % 4 === 1 ? { split: { ...draw, weights } } : { variant: n % 3 ? 'on' : 'off' },
      },
    },
  };
}

let server: Server;
let browser: Browser;
let own: number;

beforeAll(async () => {
  server = await Server.start(20);
  browser = await launch();
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  own = (await read(page, 'flags?limit=1')).total;
  const changes = Array.from({ length: FLAGS - own }, (_, n) => ({ put: flag(n + 1) }));
  await ask(page, server.demo, 'POST', 'commits', { message: 'As many flags as there may be', changes });
  await context.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function read(page: Page, path: string) {
  return (await page.request.get(`${server.demo.url}/api/v1/${path}`)).json();
}

/** Watches for tasks that hold up the page for longer than 50 ms; reads, and forgets, those since the last time. */
async function watched(page: Page): Promise<(what: string) => Promise<void>> {
  await page.evaluate(() => {
    const seen: number[] = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.push(Math.round(entry.duration));
    }).observe({ type: 'longtask', buffered: true });
    Object.assign(window, { longTasks: seen });
  });
  return async (what) => {
    const tasks = await page.evaluate(() =>
      (window as unknown as { longTasks: number[] }).longTasks.splice(0),
    );
    console.log(`${what}: ${tasks.length} tasks over 50 ms${tasks.length ? `, ${tasks.join(', ')} ms` : ''}`);
  };
}

const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);
const cell = (page: Page, flag: string, venue: string) => page.locator(`[data-cell="${flag}@${venue}"]`);
/** A cell that says what its venue gets, not that it is on its way. */
const rowsThere = (page: Page) => expect.poll(() => page.locator('[role="row"][aria-busy]').count()).toBe(0);
const scrollTo = (page: Page, left: number, top: number) =>
  page.getByRole('region', { name: /^Board/ }).evaluate((element, to) => element.scrollTo(to), { left, top });

test('a board of 5,000 flags at 2,188 venues opens, is searched and scrolls, and stays small', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const begun = Date.now();
  await page.goto(`${server.demo.url}/board`);
  const grid = page.getByRole('grid');
  await grid.waitFor();
  const tell = await watched(page);
  await rowsThere(page);
  console.log(`the board is there after ${Date.now() - begun} ms`);
  await tell('opening');
  expect(await grid.getAttribute('aria-rowcount')).toBe(String(FLAGS + 1));
  expect(await grid.getAttribute('aria-colcount')).toBe(String(VENUES + 1));
  expect(await nodes(page)).toBeLessThan(MOST_NODES);

  // Far down and far to the right, in steps as a wheel would.
  for (let n = 0; n < 30; n++) {
    await page.getByRole('region', { name: /^Board/ }).hover();
    await page.mouse.wheel(n % 3 === 2 ? 900 : 0, 600);
  }
  await rowsThere(page);
  await tell('scrolling by the wheel');
  expect(await nodes(page)).toBeLessThan(MOST_NODES);
  await scrollTo(page, 1e9, 1e9);
  const last = page.getByRole('row').last();
  await expect.poll(() => last.getAttribute('aria-rowindex')).toBe(String(FLAGS + 1));
  await rowsThere(page);
  await tell('scrolling to the end');
  expect(await nodes(page)).toBeLessThan(MOST_NODES);
  // Through all of it at once, and back: what was passed is not asked for to the end.
  for (let n = 10; n >= 0; n--) await scrollTo(page, n * 20_000, n * 22_000);
  await rowsThere(page);
  await tell('scrolling back');

  // By keyboard to a row that is not there yet: the focus waits for it.
  await grid.locator('[tabindex="0"]').focus();
  for (let n = 0; n < 12; n++) await page.keyboard.press('PageDown');
  await expect
    .poll(() => page.evaluate(() => (document.activeElement as HTMLElement).dataset.row))
    .toBe('120');
  await rowsThere(page);
  expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.row)).toBe('120');
  await page.keyboard.press('Home');
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute('href')))
    .toMatch(/^\/flags\//);

  const search = page.getByRole('textbox', { name: 'Search flags' });
  await search.pressSequentially('Parking 1', { delay: 30 });
  const wanted = Array.from({ length: FLAGS - own }, (_, n) => name(n + 1)).filter((one) =>
    one.includes('Parking 1'),
  );
  await expect.poll(() => grid.getAttribute('aria-rowcount')).toBe(String(wanted.length + 1));
  await rowsThere(page);
  await tell('searching flags');
  const shown = await page.getByRole('rowheader').allTextContents();
  expect(shown).toEqual(wanted.slice(0, shown.length));
  expect(shown.length).toBeGreaterThan(10);
  await page.getByRole('textbox', { name: 'Search venues' }).pressSequentially('rio de jan', { delay: 30 });
  const venues: { key: string; city: string }[] = (await read(page, 'venues?limit=5000')).items.map(
    ({ document }: { document: { key: string; city: string } }) => document,
  );
  const inRio = venues.filter(({ city }) => city.toLowerCase().includes('rio de jan'));
  await expect.poll(() => grid.getAttribute('aria-colcount')).toBe(String(inRio.length + 1));
  await tell('searching venues');
  expect(inRio.length).toBeGreaterThan(0);
  // What the cells say is what the server says of these venues.
  const said = await read(page, `board?environment=production&search=Parking%201&limit=500&venueLimit=5000`);
  const place = said.venues.findIndex((one: { key: string }) => one.key === inRio[0]?.key);
  for (const row of said.flags.slice(0, shown.length)) {
    const exposure = row.outcomes[row.cells[place]];
    const own = await cell(page, row.key, inRio[0]?.key ?? '').getAttribute('aria-label');
    expect(own, row.key).toContain(exposure.variant ?? exposure.mix[0].variant);
  }
  expect(complaints).toEqual([]);
  await context.close();
});

test(`a board stays true while ${CHANGES} changes come in ${SECONDS} seconds`, async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.goto(`${server.demo.url}/board`);
  await page.getByRole('textbox', { name: 'Search flags' }).fill('scale-000');
  await page.getByRole('textbox', { name: 'Search venues' }).fill('camp nou');
  // What is searched for is asked for a moment after it is typed: the counting begins with what came of it.
  await expect.poll(() => page.getByRole('grid').getAttribute('aria-rowcount')).toBe('10');
  await rowsThere(page);
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });
  const asked = rowsAsked(page);
  const tell = await watched(page);
  const begun = Date.now();
  const last = new Map<string, 'on' | 'off'>();
  const turn = async (n: number) => {
    const [flag, action] = [key((n % 8) + 1), n % 3 === 0 ? 'off' : 'on'] as const;
    last.set(flag, action);
    await ask(page, server.demo, 'POST', `flags/${flag}/environments/production/${action}`, {
      venues: ['camp-nou'],
    });
  };
  for (let n = 0; n < CHANGES; n++) {
    await turn(n);
    const due = begun + ((n + 1) * SECONDS * 1_000) / CHANGES;
    if (Date.now() < due) await page.waitForTimeout(due - Date.now());
  }
  const seconds = (Date.now() - begun) / 1_000;
  const { seq } = (await read(page, 'commits?limit=1')).items[0];
  await expect.poll(() => page.getByText(`as of commit ${seq}`, { exact: false }).count()).toBe(1);
  await tell(`${CHANGES} changes in ${seconds.toFixed(0)} s, for which the board was asked ${asked()} times`);
  for (const [flag, action] of last)
    expect(await cell(page, flag, 'camp-nou').getAttribute('aria-label'), flag).toMatch(
      // A flag that is off gives the same whatever its venue is set to.
      Number(flag.slice(-4)) % 7 === 0
        ? /: off, the flag is off$/
        : new RegExp(`: ${action}, set for this venue$`),
    );
  expect(loads).toBe(0);
  // However many come, it is asked for once a second.
  expect(asked()).toBeLessThanOrEqual(Math.ceil((Date.now() - begun) / 1_000) + 3);
  expect(await nodes(page)).toBeLessThan(MOST_NODES);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a phone asks for its venue alone, and finds what it does not show', async () => {
  const context = await browser.newContext({ viewport: PHONE });
  const page = await signedIn(context, server.demo, []);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.reload();
  await page
    .getByText(`${(FLAGS - 100).toLocaleString('en')} more flags are not shown`, { exact: false })
    .waitFor();
  const rows = asked.filter((url) => url.includes('/board') && url.includes('venueHeads=false'));
  expect(rows.length).toBeGreaterThan(0);
  for (const url of rows) expect(url).toMatch(/[?&]venues=[^&,]+&/);
  await page.getByRole('textbox', { name: 'Search flags' }).fill(name(4_321));
  await page.locator(`[data-flag="${key(4_321)}"]`).waitFor();
  expect(await page.locator('[data-flag]').count()).toBe(1);
  await context.close();
});
