import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, launch, PHONE, shoot } from './browser';
import { Server } from './server';

// Without a mouse, and without a test that puts the focus where it wants it: Tab, Enter, arrows and letters alone.

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start(40);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** More than any screen has places to stop at. */
const MOST_STOPS = 150;

/** Moves on until something has the focus. */
async function tabTo(page: Page, wanted: Locator) {
  await wanted.waitFor();
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    if (await wanted.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${wanted} is never reached by Tab`);
}

async function enter(page: Page, wanted: Locator) {
  await tabTo(page, wanted);
  await page.keyboard.press('Enter');
}

async function type(page: Page, wanted: Locator, text: string) {
  await tabTo(page, wanted);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(text);
}

/** Chooses from a list that opens. */
async function choose(page: Page, field: Locator, option: string) {
  await tabTo(page, field);
  await page.keyboard.press('Space');
  await take(page, field, option);
}

/** Finds in a long list by some letters, and takes it. */
async function find(page: Page, field: Locator, letters: string, option: string) {
  await type(page, field, letters);
  await take(page, field, option);
}

async function take(page: Page, field: Locator, option: string) {
  const wanted = page.getByRole('option', { name: option, exact: true });
  await wanted.waitFor();
  for (let step = 0; step < MOST_STOPS; step++) {
    const active = await field.getAttribute('aria-activedescendant');
    if (active && (await wanted.getAttribute('id')) === active) break;
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
}

async function palette(page: Page, words: string) {
  // The one before closes once what it did is done.
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  await page.keyboard.press('Control+k');
  await page.keyboard.type(words);
  // What fits all that was typed, not only its beginning.
  const first = async () => (await page.getByRole('option').first().textContent())?.toLowerCase() ?? '';
  for (const word of words.split(' ')) await expect.poll(first).toContain(word);
}

async function signedIn(page: Page) {
  await page.goto(server.demo.url);
  await type(page, page.getByLabel('E-mail'), server.demo.email);
  await type(page, page.getByRole('textbox', { name: 'Password' }), server.demo.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Board' }).waitFor();
}

async function there<T>(run: (page: Page) => Promise<T>) {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  await signedIn(page);
  await run(page);
  expect(complaints).toEqual([]);
  await context.close();
}

/** Looks at an open dialog in light and dark, at a desk and on a phone. */
async function looked(page: Page, title: string, shot: string) {
  const dialog = page.getByRole('dialog', { name: title });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries({ desk: DESK, phone: PHONE })) {
      await page.setViewportSize(viewport);
      await accessible(page, `${shot}, ${colorScheme}, ${size}`);
      await shoot(page, `${shot}-${colorScheme}-${size}`);
      const beyond = await dialog.evaluate((one) => one.scrollWidth - one.clientWidth);
      expect(beyond, `${shot}, ${size}: beside the dialog`).toBeLessThanOrEqual(0);
    }
  }
  await page.setViewportSize(DESK);
}

test('a rule is added and moved, looked at and saved', () =>
  there(async (page) => {
    await palette(page, 'flag: refund');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Add a rule' }));
    await choose(page, page.getByRole('combobox', { name: 'They get' }), 'on');
    await accessible(page, 'a rule that is written by keyboard');
    await enter(page, page.getByRole('button', { name: 'Add the rule' }));
    await enter(page, page.getByRole('button', { name: 'Review and save' }));
    await page.getByRole('dialog', { name: 'Review and save' }).waitFor();
    await type(page, page.getByRole('textbox', { name: 'Why' }), 'Refunds for all of them');
    await enter(page, page.getByRole('button', { name: 'Save', exact: true }));
    await expect.poll(() => page.getByRole('region', { name: 'Unsaved changes' }).count()).toBe(0);
    const flag = await (await page.request.get(`${server.demo.url}/api/v1/flags/refund-flow`)).json();
    expect(flag.environments.production.rules.at(-1).serve).toEqual({ variant: 'on' });
  }));

test('a rule asks for a number and for venues, and gives a split', () =>
  there(async (page) => {
    const config = { enabled: true, offVariant: 'off', default: { variant: 'off' } };
    await ask(page, server.demo, 'PUT', 'flags/fast-lane', {
      key: 'fast-lane',
      name: 'Fast lane',
      type: 'boolean',
      variants: { on: true, off: false },
      environments: { production: config },
    });
    await palette(page, 'flag: fast lane');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Add a rule' }));
    await type(page, page.getByRole('textbox', { name: 'Name' }), 'Large grounds');
    const field = (name: string, row: number) => page.getByRole('combobox', { name }).nth(row);
    await enter(page, page.getByRole('button', { name: 'Add a condition' }));
    await type(page, field('Attribute', 0), 'venue.capacity');
    await find(page, field('Comparison', 0), 'at least', 'is at least');
    await type(page, field('Values', 0), 'many');
    await page.keyboard.press('Enter');
    await page.getByText('“many” is no number').waitFor();
    await type(page, field('Values', 0), '60000');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Add a condition' }));
    await type(page, field('Attribute', 1), 'venue');
    await find(page, field('Values', 1), 'wembley', 'Wembley Stadium');
    await choose(page, page.getByRole('combobox', { name: 'They get' }), 'A split between variants');
    await choose(page, page.getByRole('combobox', { name: 'Variant of part 1' }), 'on');
    await choose(page, page.getByRole('combobox', { name: 'Variant of part 2' }), 'off');
    await type(page, page.getByRole('textbox', { name: 'Per cent of part 1' }), '12.5');
    await page.getByText('37.5 % are left').waitFor();
    await looked(page, 'Add a rule', 'rule-split');
    await type(page, page.getByRole('textbox', { name: 'Per cent of part 2' }), '87.5');
    await page.getByText('Together 100 %').waitFor();
    await enter(page, page.getByRole('button', { name: 'Add the rule' }));
    await enter(page, page.getByRole('button', { name: 'Review and save' }));
    await page.getByRole('dialog', { name: 'Review and save' }).waitFor();
    await type(page, page.getByRole('textbox', { name: 'Why' }), 'Try it where it is full');
    await enter(page, page.getByRole('button', { name: 'Save', exact: true }));
    await expect.poll(() => page.getByRole('region', { name: 'Unsaved changes' }).count()).toBe(0);
    const flag = await (await page.request.get(`${server.demo.url}/api/v1/flags/fast-lane`)).json();
    expect(flag.environments.production.rules).toEqual([
      {
        id: 'large-grounds',
        name: 'Large grounds',
        if: {
          all: [
            { attribute: 'venue.capacity', op: 'gte', values: [60000] },
            { attribute: 'venue', op: 'in', values: ['wembley-stadium'] },
          ],
        },
        serve: {
          split: {
            by: ['targetingKey'],
            seed: 'fast-lane-large-grounds-split',
            weights: [
              { variant: 'on', weight: 125 },
              { variant: 'off', weight: 875 },
            ],
          },
        },
      },
    ]);
  }));

test('what does not fit is seen, and an instant is by one’s own clocks', () =>
  there(async (page) => {
    const time = '2027-05-15T18:30:00Z';
    const all = [
      { attribute: 'currentTime', op: 'after', values: [time] },
      { attribute: 'seat', op: 'exists', values: [false] },
      { attribute: 'appVersion', op: 'semverGte', values: ['3.2.0'] },
      { attribute: 'venue.tags', op: 'in', values: ['no-such-tag'] },
      { attribute: 'gate', op: 'in', values: ['north'] },
    ];
    const rules = [{ id: 'kinds', if: { all }, serve: { variant: 'on' } }];
    await ask(page, server.demo, 'PUT', 'flags/many-kinds', {
      key: 'many-kinds',
      name: 'Many kinds',
      type: 'boolean',
      variants: { on: true, off: false },
      environments: { production: { enabled: true, offVariant: 'off', default: { variant: 'off' }, rules } },
    });
    await palette(page, 'flag: many kinds');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Edit kinds' }));
    const zone = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    await page.getByLabel(`Time 1, by the clocks of ${zone}`).waitFor();
    await type(page, page.getByRole('combobox', { name: 'Values' }).nth(1), '3.x');
    await page.getByText('What is typed does not look like a version').waitFor();
    await find(page, page.getByRole('combobox', { name: 'Comparison' }).nth(4), 'is there', 'is there');
    await page.getByRole('button', { name: 'Remove the value north' }).waitFor();
    await looked(page, 'Edit the rule', 'rule-values');
    await enter(page, page.getByRole('button', { name: 'Remove the value north' }));
    expect(await page.getByText('Warning').count()).toBe(1);
  }));

test('a flag is turned off from anywhere, and on again', () =>
  there(async (page) => {
    const isOn = async () => {
      const flag = await (await page.request.get(`${server.demo.url}/api/v1/flags/seat-map`)).json();
      return flag.environments.production.enabled;
    };
    expect(await isOn()).toBe(true);
    // Who only looks for something is not offered to change it.
    await palette(page, 'seat map');
    expect(await page.getByRole('option', { name: /^Turn/ }).count()).toBe(0);
    await page.keyboard.press('Escape');
    await palette(page, 'turn off seat map');
    await accessible(page, 'a flag that is about to be turned off');
    await page.keyboard.press('Enter');
    await expect.poll(isOn).toBe(false);
    await palette(page, 'turn on seat');
    await page.keyboard.press('Enter');
    await expect.poll(isOn).toBe(true);
    await enter(
      page,
      page.getByRole('region', { name: 'Last change' }).getByRole('button', { name: 'Undo' }),
    );
    await expect.poll(isOn).toBe(false);
  }));

test('how far a change has come is seen, and what it changed', () =>
  there(async (page) => {
    await palette(page, 'convergence');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Convergence' }).waitFor();
    await palette(page, 'history');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'History' }).waitFor();
    await enter(page, page.getByRole('button', { name: 'What changed' }).first());
    await page.getByRole('button', { name: 'Undo this commit' }).waitFor();
    await enter(page, page.getByRole('link', { name: 'Board then' }).first());
    await page.getByRole('heading', { name: 'Board' }).waitFor();
    expect(new URL(page.url()).searchParams.has('at')).toBe(true);
  }));

test('a venue is looked for, an environment asks for an approval, a key is made, somebody is invited', () =>
  there(async (page) => {
    await palette(page, 'venues');
    await page.keyboard.press('Enter');
    await type(page, page.getByRole('textbox', { name: 'Search venues' }), 'Camp Nou');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await palette(page, 'cohorts');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Cohorts' }).waitFor();
    await palette(page, 'environments');
    await page.keyboard.press('Enter');
    await type(page, page.getByRole('textbox', { name: 'Approvals that Training asks for' }), '1');
    await enter(page, page.getByRole('button', { name: 'Save the approvals of Training' }));
    const training = async () =>
      (await (await page.request.get(`${server.demo.url}/api/v1/environments/training`)).json()).approvals;
    await expect.poll(training).toBe(1);
    await palette(page, 'keys');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Create a key' }));
    await type(page, page.getByRole('textbox', { name: 'What it is for' }), 'Turnstiles');
    await enter(page, page.getByRole('button', { name: 'Create', exact: true }));
    await page.getByText('Copy this secret now').waitFor();
    await enter(page, page.getByRole('button', { name: 'Hide it' }));
    await palette(page, 'people');
    await page.keyboard.press('Enter');
    await enter(page, page.getByRole('button', { name: 'Invite somebody' }));
    await type(page, page.getByRole('textbox', { name: 'Name' }), 'Ines Duarte');
    await type(page, page.getByRole('textbox', { name: 'E-mail' }), 'ines@usher.example');
    await enter(page, page.getByRole('button', { name: 'Make a link' }));
    await enter(page, page.getByRole('button', { name: 'I have sent it' }));
    await page.getByText('ines@usher.example').waitFor();
    await palette(page, 'fleet');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Fleet', exact: true }).waitFor();
  }));
