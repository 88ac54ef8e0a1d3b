import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, DESK, go, launch, PHONE, signedIn } from './browser';
import { seed } from './seeds';
import { BINARY, Server } from './server';

// Somebody writes markup, scripts and tricks into every text that there is; whoever looks at it sees a text.

let server: Server;
let browser: Browser;

const EVIL =
  '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script><svg onload="window.harmed=1">' +
  '"\'`<a href="javascript:window.harmed=1">x</a>{{7*7}}#{7*7}\u202e';
const TOKEN = 'uat_hostile-texts-administrator-0123';

/** What people write freely. */
const TEXTS = new Set([
  'name',
  'description',
  'title',
  'message',
  'owner',
  'city',
  'region',
  'reason',
  'text',
]);

/** The same document with something evil in each of its texts, and its own words behind that. */
function harmed(value: unknown, name = ''): unknown {
  if (Array.isArray(value))
    return name === 'tags' ? [...value, `${EVIL}tag`] : value.map((one) => harmed(one, name));
  if (typeof value === 'string') return TEXTS.has(name) ? `${EVIL}${value}` : value;
  if (typeof value !== 'object' || value === null) return value;
  const all = Object.entries(value).map(([key, one]) => [key, harmed(one, key)]);
  return Object.fromEntries(all);
}

beforeAll(async () => {
  server = await Server.start(20, { USHER_ADMIN_TOKEN: TOKEN });
  browser = await launch();
  imported();
  const context = await browser.newContext({ viewport: DESK });
  await write(await signedIn(context, server.demo, []));
  await context.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Writes into everything that can be written. */
async function write(page: Page) {
  const { demo } = server;
  await ask(page, demo, 'PUT', 'flags/evil-words', {
    key: 'evil-words',
    name: `${EVIL}Evil words`,
    type: 'string',
    variants: { plain: 'plain', evil: EVIL },
    owner: EVIL,
    tags: [EVIL],
    metadata: { note: EVIL },
    clientVisible: true,
    environments: {
      production: {
        enabled: true,
        offVariant: 'plain',
        targets: [{ by: 'targetingKey', values: [EVIL], variant: 'evil' }],
        rules: [
          {
            id: 'evil',
            name: EVIL,
            if: {
              all: [
                { attribute: EVIL, op: 'in', values: [EVIL] },
                { attribute: 'venue.city', op: 'contains', values: [EVIL] },
              ],
            },
            serve: { variant: 'evil' },
          },
        ],
        default: { variant: 'evil' },
      },
    },
  });
  await ask(page, demo, 'PUT', 'cohorts/evil', {
    key: 'evil',
    name: EVIL,
    description: EVIL,
    keys: [EVIL, 'u-1'],
  });
  await ask(page, demo, 'PUT', 'releases/evil', {
    key: 'evil',
    name: EVIL,
    description: EVIL,
    flag: 'evil-words',
    environment: 'production',
    variant: 'evil',
    control: 'plain',
    stages: [{ name: EVIL, percent: 10, bake: '1h' }, { name: `${EVIL}2` }],
    guards: [{ name: EVIL, check: { failures: { metric: 'checkout' } } }],
  });
  await ask(page, demo, 'POST', 'releases/evil/start', { message: EVIL });
  await ask(page, demo, 'POST', 'releases/evil/rollback', { message: EVIL });
  await ask(page, demo, 'POST', 'change-requests', {
    key: 'evil',
    title: EVIL,
    message: EVIL,
    changes: [{ put: { kind: 'cohort', key: 'evil-2', name: EVIL } }],
  });
  await ask(page, demo, 'POST', 'change-requests/evil/comments', { text: EVIL });
  await ask(page, demo, 'POST', 'users', {
    email: 'evil@usher.example',
    name: EVIL,
    role: 'viewer',
    password: 'correct horse battery',
  });
  await ask(page, demo, 'POST', 'keys', { name: EVIL, type: 'server', environment: 'production' });
  await ask(page, demo, 'POST', 'flags/evil-words/environments/production/kill', {
    message: EVIL,
    cohorts: ['evil'],
  });
  await seed(page, demo);
  const whole = await (await page.request.get(`${demo.url}/api/v1/export`)).json();
  // A release that is under way is moved on by its own routes only.
  const documents = whole.documents.filter((one: { progress?: unknown }) => !one.progress);
  const changes = documents.map((one: object) => ({ put: harmed(one) }));
  // Some of it is frozen: why that can't wait is a text as well.
  const written = await page.request.post(`${demo.url}/api/v1/commits`, {
    data: { message: `${EVIL}Written everywhere`, changes },
    headers: { Origin: demo.url, 'Usher-Break-Glass': '<img src=x onerror="window.harmed=1">' },
  });
  expect(written.status(), await written.text()).toBe(201);
}

/** A venue from a file, as sales sends it. */
function imported() {
  const file = join(mkdtempSync(join(tmpdir(), 'usher-venues-')), 'venues.csv');
  const field = (text: string) => `"${text.replaceAll('"', '""')}"`;
  writeFileSync(
    file,
    `key,name,city,country,capacity\nevil-arena,${field(`${EVIL}Evil arena`)},${field(EVIL)},${field(EVIL)},5000\n`,
  );
  const run = spawnSync(BINARY, ['venue', 'import', file, '--message', EVIL], {
    env: { ...process.env, USHER_URL: server.demo.url, USHER_TOKEN: TOKEN },
  });
  expect(run.status, String(run.stderr)).toBe(0);
}

/** A client that says evil things of itself, as long as the page is there. */
async function connected(page: Page) {
  await page.evaluate(
    async ([key, evil]) => {
      const socket = new WebSocket(`ws://${location.host}/sdk/v1/stream`, ['usher.v1', `usher.key.${key}`]);
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      const answered = new Promise((resolve) => socket.addEventListener('message', resolve));
      socket.send(
        JSON.stringify({
          type: 'hello',
          sdk: evil,
          version: evil,
          instance: evil,
          mode: 'ruleset',
          schemas: [1],
        }),
      );
      await answered;
      Object.assign(window, { kept: socket });
    },
    [server.demo.serverKey, EVIL],
  );
}

const SCREENS = [
  '/board',
  '/board?environment=staging',
  '/flags',
  '/flags/evil-words',
  '/flags/resale-guard',
  `/flags/${encodeURIComponent(EVIL)}`,
  '/changes',
  '/changes/evil',
  '/releases',
  '/releases/evil',
  '/releases/seat-map-3d',
  '/releases/refunds/plan',
  '/playbooks',
  '/schedules',
  '/calendar',
  '/convergence',
  '/history',
  `/history?q=${encodeURIComponent(EVIL)}`,
  '/venues',
  '/cohorts',
  '/environments',
  '/fleet',
  '/keys',
  '/people',
  `/${encodeURIComponent(EVIL)}`,
];

/** Nothing was run, made or led elsewhere by a text. */
async function unharmed(page: Page, where: string) {
  const found = await page.evaluate(() => ({
    harmed: 'harmed' in window,
    made: document.querySelectorAll('img[src="x"], svg[onload], a[href^="javascript:"], [onerror]').length,
    scripts: [...document.scripts].filter((script) => script.text.includes('harmed')).length,
  }));
  expect(found, where).toMatchObject({ harmed: false, made: 0, scripts: 0 });
}

/** What hangs over the edge of the page, if the page can be moved sideways. */
function tooWide(page: Page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= window.innerWidth) return [];
    const all = [...document.querySelectorAll('main *')];
    const over = all.filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1);
    return over.map((one) => `${one.tagName} ${one.className} ${one.textContent?.slice(0, 20)}`).slice(-4);
  });
}

for (const [size, viewport] of [
  ['desk', DESK],
  ['phone', PHONE],
] as const) {
  test(`what is written stays a text, on every screen, ${size}`, async () => {
    const complaints: string[] = [];
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
    const page = await signedIn(context, server.demo, complaints);
    page.on('dialog', (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.demo.url)) complaints.push(`asked ${request.url()}`);
      if (new URL(request.url()).pathname === '/x') complaints.push('an image that a text made was loaded');
    });
    await connected(page);
    for (const screen of SCREENS) {
      await go(page, screen);
      await page.getByRole('main').waitFor();
      await expect.poll(() => page.getByText('Loading').count()).toBe(0);
      await page.waitForTimeout(150);
      await unharmed(page, screen);
      expect.soft(await tooWide(page), `${screen} is too wide`).toEqual([]);
    }
    // Where texts are seen as they were written.
    await go(page, '/flags/evil-words');
    await page.getByText('<script>window.harmed=1</script>', { exact: false }).first().waitFor();
    await go(page, '/history');
    await page.getByText('<img src=x', { exact: false }).first().waitFor();
    // What is told as it happens, in the palette, and in what a venue is searched by.
    await page.keyboard.press('Control+k');
    await page
      .getByRole('dialog')
      .getByRole('combobox')
      .or(page.getByRole('dialog').getByRole('textbox'))
      .first()
      .fill('<img');
    await page.waitForTimeout(300);
    await unharmed(page, 'palette');
    await page.keyboard.press('Escape');
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    await context.close();
  });
}
