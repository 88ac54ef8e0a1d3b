import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, added, ask, DESK, go, launch, PHONE, shoot, signedIn } from './browser';
import { Server } from './server';

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

const FLAG = 'sms-delivery';

async function read(page: Page) {
  const answer = await page.request.get(`${server.demo.url}/api/v1/flags/${FLAG}`);
  return (await answer.json()) as { name: string; description: string };
}

/** Describes the flag, as somebody else does; the commit. */
async function described(page: Page, description: string): Promise<number> {
  const flag = { ...(await read(page)), description };
  const answer = await ask(page, server.demo, 'PUT', `flags/${FLAG}?message=${description}`, flag);
  return (await answer.json()).seq;
}

test('what was changed last is undone where it was changed, by mouse, and done again by keyboard', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await go(page, `/flags/${FLAG}`);
  await page.getByRole('button', { name: 'Edit' }).first().click();
  await page.getByRole('combobox', { name: 'They get' }).click();
  await page.getByRole('option', { name: 'off', exact: true }).click();
  await page.getByRole('button', { name: 'Change the rule' }).click();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('British venues wait');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('cohort british-venues gets off').waitFor();
  const toast = page.getByRole('region', { name: 'Last change' });
  await toast.getByText(/Last change: commit \d+/).waitFor();
  await accessible(page, 'a change that can be undone');
  await shoot(page, 'undo-toast-light-desk');
  await toast.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('cohort british-venues gets off').waitFor({ state: 'detached' });
  // Taking back is a change too.
  await toast.getByRole('button', { name: 'Undo' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('cohort british-venues gets off').waitFor();
  await toast.getByRole('button', { name: 'Leave it' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => toast.getByRole('button').count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

for (const [size, viewport] of [
  ['desk', DESK],
  ['phone', PHONE],
] as const) {
  test(`a flag goes back to what it was after a commit, its reach shown before, by keyboard, ${size}`, async () => {
    const complaints: string[] = [];
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
    const page = await signedIn(context, server.demo, complaints);
    const seq = await described(page, `As it was, ${size}`);
    await described(page, `As it is, ${size}`);
    await go(page, '/history');
    const commit = page.locator(`[data-commit="${seq}"]`);
    await commit.getByRole('button', { name: 'Go back to here' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Go back to commit ${seq}` });
    await dialog.getByText('No venue gets anything else.').waitFor();
    await dialog.getByText(`As it was, ${size}`).waitFor();
    await accessible(page, `going back, ${size}`);
    await shoot(page, `go-back-light-${size}`);
    await dialog.getByRole('textbox', { name: 'Why' }).focus();
    await page.keyboard.type('It read better');
    await dialog.getByRole('button', { name: 'Go back' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: `Back at commit ${seq}` }).waitFor();
    expect((await read(page)).description).toBe(`As it was, ${size}`);
    await page.keyboard.press('Escape');
    await page.getByText('It read better').first().waitFor();
    // At one venue, and for everything, it is as it was already.
    await commit.getByRole('button', { name: 'Go back to here' }).click();
    await dialog.getByText('It is as it was then already.').waitFor();
    await dialog.getByText('One venue').click();
    await dialog.getByRole('combobox', { name: 'Venue' }).fill('Camp Nou');
    await page.getByRole('option', { name: 'Camp Nou' }).click();
    await dialog.getByText('It is as it was then already.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Go back' }).isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });
}

test('where somebody else looks first, going back is asked for; who may not is not offered it', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const before = await described(page, 'Before it was asked for');
  await ask(page, server.demo, 'POST', `flags/${FLAG}/environments/production/off`, { venues: ['camp-nou'] });
  const production = await (
    await page.request.get(`${server.demo.url}/api/v1/environments/production`)
  ).json();
  await ask(page, server.demo, 'PUT', 'environments/production', { ...production, approvals: 1 });
  await go(page, '/history');
  const commit = page.locator(`[data-commit="${before}"]`);
  await commit.getByRole('button', { name: 'Go back to here' }).click();
  const dialog = page.getByRole('dialog', { name: `Go back to commit ${before}` });
  await dialog.getByText(/1 venue gets something else/).waitFor();
  await dialog.getByRole('textbox', { name: 'Why' }).fill('Camp Nou sends them after all');
  await dialog.getByRole('button', { name: 'Go back' }).click();
  const asks = page.getByRole('dialog', { name: 'Somebody else looks at this first' });
  await asks.getByRole('textbox', { name: 'Title' }).fill('Back to before');
  await asks.getByRole('button', { name: 'Ask for it' }).click();
  await page.getByRole('heading', { name: 'Back to before' }).waitFor();
  await page.getByText(/You ask for this yourself/).waitFor();
  await ask(page, server.demo, 'PUT', 'environments/production', { ...production, approvals: 0 });
  const viewer = await added(page, server.demo, 'Vera', { role: 'viewer' });
  const other = await browser.newContext({ viewport: DESK });
  const hers = await signedIn(other, viewer, complaints);
  await go(hers, '/history');
  await hers.getByRole('button', { name: 'What changed' }).first().waitFor();
  expect(await hers.getByRole('button', { name: 'Go back to here' }).count()).toBe(0);
  expect(complaints.filter((text) => !text.includes('403'))).toEqual([]);
  await other.close();
  await context.close();
});
