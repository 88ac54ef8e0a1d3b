import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, hold, holdEnter, launch, PHONE, shoot, signedIn } from './browser';
import { count, seatMap } from './seeds';
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

const status = (page: Page) => page.getByTestId('status').textContent();

async function begun(page: Page, key: string, more: Record<string, unknown> = {}) {
  await ask(page, server.demo, 'PUT', `releases/${key}`, seatMap(key, more));
  await ask(page, server.demo, 'POST', `releases/${key}/start`, { message: 'go' });
}

test('a release is planned from a template, and mended where the server says so, by mouse', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  for (const [key, name] of [
    ['gates-fail', 'Gates fail'],
    ['tills-fail', 'Tills fail'],
  ])
    await ask(page, server.demo, 'PUT', `playbooks/${key}`, {
      key,
      name,
      plays: [{ kill: { flag: 'seat-map', environment: 'production' } }],
    });
  await page.getByRole('link', { name: 'Releases' }).click();
  await page.getByText('There are no releases yet').waitFor();
  await page.getByRole('link', { name: 'Plan a release' }).click();
  await page.getByRole('textbox', { name: 'Name' }).first().fill('Seat map for all');
  await page.getByRole('combobox', { name: 'Flag' }).fill('Seat map');
  await page.getByRole('option', { name: 'Seat map' }).click();
  expect(await page.getByRole('combobox', { name: 'Control' }).inputValue()).toBe('classic');
  await page.getByText('Festival', { exact: true }).click();
  const venues = page.getByRole('combobox', { name: 'Venues, the one that risks least first' });
  for (const venue of ['Wembley Stadium', 'Camp Nou']) {
    await venues.fill(venue);
    await page.getByRole('option', { name: venue, exact: true }).click();
  }
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Fill in stages and guards' }).click();
  await page.getByText('Stage 5, all').waitFor();
  // A dark stage that comes last makes no sense: the server says so where it stands.
  await page
    .getByRole('group', { name: 'Stage 3, a few venues' })
    .getByRole('switch', { name: /^Dark/ })
    .click();
  await page.getByRole('button', { name: 'Save the plan' }).click();
  await page
    .getByRole('group', { name: 'Stage 3, a few venues' })
    .getByText(/What was served can't be dark again/)
    .waitFor();
  await accessible(page, 'a plan with a problem');
  await shoot(page, 'plan-refused');
  await page
    .getByRole('group', { name: 'Stage 3, a few venues' })
    .getByRole('switch', { name: /^Dark/ })
    .click();
  await page.getByRole('combobox', { name: 'When it is breached' }).click();
  await page.getByRole('option', { name: 'Run a playbook, and roll back' }).click();
  await page.getByRole('combobox', { name: 'Which playbook' }).click();
  await page.getByRole('option', { name: 'Tills fail' }).click();
  await accessible(page, 'a guard that runs a playbook');
  await page.getByRole('button', { name: 'Save the plan' }).click();
  await page.getByRole('heading', { name: 'Seat map for all' }).waitFor();
  await page.getByText('Then the playbook tills-fail is run, and the release rolled back.').waitFor();
  expect(new URL(page.url()).pathname).toBe('/releases/seat-map-for-all');
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  await context.close();
});

test('a release is rehearsed where nobody is served, and the record stays', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'releases/rehearsed', seatMap('rehearsed', { name: 'Rehearsed' }));
  await page.goto(`${server.demo.url}/releases/rehearsed`);
  const panel = page.getByRole('region', { name: 'Rehearsals' });
  await panel.getByText(/No environment in which you may do so is for rehearsals yet/).waitFor();
  await ask(page, server.demo, 'PUT', 'environments/rehearsal', {
    key: 'rehearsal',
    name: 'Rehearsals',
    rehearsal: true,
  });
  await panel.getByRole('button', { name: 'Rehearse it' }).click();
  await panel.getByText(/^Rolled back: /).waitFor();
  await panel.getByText(/^Began with “.*”: /).waitFor();
  await accessible(page, 'a release that was rehearsed');
  await shoot(page, 'release-rehearsed-light-desk');
  // Nobody got anything of it: the plan is as it was.
  expect(await status(page)).toBe('Planned');
  expect(complaints).toEqual([]);
  await context.close();
});

test('a release is started, paused, resumed, moved on and taken back, by mouse', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'releases/by-mouse', seatMap('by-mouse', { name: 'By mouse' }));
  await page.goto(`${server.demo.url}/releases/by-mouse`);
  await page.getByText('Nothing stands in its way.').waitFor();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect.poll(() => status(page)).toBe('Running');
  await page.getByText(/It bakes for/).waitFor();
  await page.getByRole('textbox', { name: 'Why' }).fill('The cup final');
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect.poll(() => status(page)).toBe('Paused');
  await page.getByText(/The cup final/).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect.poll(() => status(page)).toBe('Running');
  await page.getByRole('button', { name: 'Go on to “a few venues” now' }).click();
  await page.locator('[aria-current="step"]').getByText('a few venues').waitFor();
  await page.getByTestId('convergence').waitFor();
  // The flag’s page says that it is under way.
  await page.getByRole('link', { name: 'seat-map' }).click();
  await page.getByText(/brings it to “3d” in production: stage 2 of 3/).waitFor();
  await page.getByRole('link', { name: 'By mouse' }).click();
  await hold(page, /Roll back/);
  await expect.poll(() => status(page)).toBe('Rolled back');
  await page.getByText(/120 of 120 devices/).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('what guards see is drawn as it comes, without asking, and a breach takes it back by itself', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await begun(page, 'watched');
  await page.goto(`${server.demo.url}/releases/watched`);
  await expect.poll(() => status(page)).toBe('Running');
  await page.getByText('Live', { exact: true }).waitFor();
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().includes('/status')) asked += 1;
  });
  const guard = page.locator('[data-guard="Checkout"]');
  for (let n = 0; n < 4; n++) {
    await count(page, server.demo, { variant: 2, control: 2 });
    await expect
      .poll(() => guard.textContent())
      .toContain(`${(n + 1) * 40} seen with the variant; 100 are needed`);
  }
  await expect.poll(() => guard.locator('.chip').textContent()).toBe('Well');
  const chart = guard.getByRole('img', { name: /^Checkout: The variant was between 5 % and 5 %/ });
  await chart.waitFor();
  expect(asked).toBe(0);
  // What others saw before this page came is there too.
  await page.reload();
  await chart.waitFor();
  await accessible(page, 'guards with charts');
  await guard.scrollIntoViewIfNeeded();
  await shoot(page, 'guards');
  await count(page, server.demo, { variant: 40, control: 0 });
  await expect.poll(() => status(page)).toBe('Rolled back');
  await page
    .getByText(/Checkout: “checkout” failed/)
    .first()
    .waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('the same by keyboard alone: find it, start it, pause it, hold to take it back', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'releases/by-key', seatMap('by-key', { name: 'By key' }));
  await page.keyboard.press('Control+k');
  await page.keyboard.type('release: by key');
  await page.getByRole('option', { name: 'Release: By key' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'By key' }).waitFor();
  const press = async (name: string | RegExp) => {
    const button = page.getByRole('button', { name });
    await expect.poll(() => button.isEnabled()).toBe(true);
    await button.focus();
    await page.keyboard.press('Enter');
  };
  await press('Start');
  await expect.poll(() => status(page)).toBe('Running');
  await press('Pause');
  await expect.poll(() => status(page)).toBe('Paused');
  const back = page.getByRole('button', { name: 'Roll back' });
  await expect.poll(() => back.isEnabled()).toBe(true);
  await back.focus();
  await holdEnter(page);
  await expect.poll(() => status(page)).toBe('Rolled back');
  expect(complaints).toEqual([]);
  await context.close();
});

test('a phone takes a release back in two taps, and shows that it has arrived', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const complaints: string[] = [];
    const context = await browser.newContext({ viewport: PHONE, hasTouch: true, colorScheme });
    const page = await signedIn(context, server.demo, complaints);
    const key = `phone-${colorScheme}`;
    await begun(page, key, { name: `Seats, ${colorScheme}` });
    await page.goto(`${server.demo.url}/releases`);
    await page.getByRole('link', { name: `Seats, ${colorScheme}` }).tap();
    const back = page.getByRole('button', { name: 'Roll back' });
    await back.waitFor();
    // Without scrolling, and large enough for a finger.
    const box = await back.boundingBox();
    expect((box?.y ?? 9_999) + (box?.height ?? 0)).toBeLessThan(PHONE.height);
    expect(box?.height).toBeGreaterThanOrEqual(24);
    await hold(page, /Roll back/);
    await expect.poll(() => status(page)).toBe('Rolled back');
    await page.getByTestId('convergence').waitFor();
    await accessible(page, `rolled back on a phone, ${colorScheme}`);
    await shoot(page, `rolled-back-${colorScheme}-phone`);
    expect(complaints).toEqual([]);
    await context.close();
  }
});

test('a freeze that forbids a start names its window and lets it through with a reason', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await ask(page, server.demo, 'PUT', 'releases/late', seatMap('late', { name: 'Late' }));
  await ask(page, server.demo, 'PUT', 'freezes/finals', {
    key: 'finals',
    reason: 'The finals',
    venues: ['wembley-stadium'],
    from: '2020-01-01T00:00:00Z',
    until: '2120-01-01T12:00:00Z',
  });
  // Also where it was never planned: a flag’s switch.
  await page.goto(`${server.demo.url}/flags/express-checkout`);
  await page.getByRole('switch', { name: 'On in production' }).click();
  const dialog = page.getByRole('dialog', { name: 'This is frozen' });
  await dialog.getByText(/Nothing is changed.*The finals \(freeze “finals”\)/).waitFor();
  await accessible(page, 'the glass');
  await shoot(page, 'break-glass');
  await page.keyboard.press('Escape');
  await page.getByText('The server says no').waitFor();
  await page.getByRole('switch', { name: 'On in production' }).click();
  await dialog.getByRole('textbox').fill('Tür 4 klemmt');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('Off in production').waitFor();
  await page.getByRole('link', { name: 'History', exact: true }).first().click();
  await page
    .getByText(/Break glass \(Tur 4 klemmt\)/)
    .first()
    .waitFor();
  await ask(page, server.demo, 'DELETE', 'freezes/finals');
  expect(complaints.filter((text) => !text.includes('409'))).toEqual([]);
  await context.close();
});
