import { mkdirSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Demo } from './server';

export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
const SHOTS = new URL('./screenshots/', import.meta.url).pathname;

/** Debian's Chromium, without what it would ask of the network by itself. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page on which somebody has signed in; anything that the page complains of fails the test. */
export async function signedIn(context: BrowserContext, demo: Demo, complaints: string[]): Promise<Page> {
  const page = await context.newPage();
  page.on('console', (message) => {
    // Being signed out is what a first visit is; the browser reports it as an error all the same.
    if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(demo.url);
  await page.getByLabel('E-mail').fill(demo.email);
  await page.getByRole('textbox', { name: 'Password' }).fill(demo.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Board' }).waitFor();
  return page;
}

/** Asks the API as the person who is signed in on this page. */
export async function ask(
  page: Page,
  demo: Demo,
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  data: unknown = {},
) {
  const answer = await page.request.fetch(`${demo.url}/api/v1/${path}`, {
    method,
    data,
    headers: { Origin: demo.url },
  });
  expect(answer.ok(), `${method} ${path}: ${answer.ok() || (await answer.text())}`).toBe(true);
  return answer;
}

/** Adds somebody, as the administrator who is signed in on this page; what they sign in with. */
export async function added(
  page: Page,
  demo: Demo,
  name: string,
  rights: Record<string, unknown>,
): Promise<Demo> {
  const [email, password] = [`${name.toLowerCase()}@usher.example`, 'correct horse battery'];
  await ask(page, demo, 'POST', 'users', { email, name, password, ...rights });
  return { ...demo, email, password };
}

/**
 * No violation of WCAG 2.2 A and AA that axe can find. Of what was looked at in other colours already, only the colours
 * are looked at: all else is the same, and takes most of the time.
 */
export async function accessible(page: Page, what: string, onlyColours = false) {
  const axe = new AxeBuilder({ page });
  const asked = onlyColours
    ? axe.withRules(['color-contrast', 'link-in-text-block'])
    : axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']);
  const found = await asked.analyze();
  const told = found.violations.map(
    (one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`,
  );
  expect(told, what).toEqual([]);
}

/** Counts from now on how often the rows of the board are asked for; what its venues are is another question. */
export function rowsAsked(page: Page): () => number {
  let asked = 0;
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/api/v1/board' && searchParams.get('venueHeads') === 'false') asked += 1;
  });
  return () => asked;
}

/** Goes to a screen as a link would, without loading the page anew. */
export async function go(page: Page, path: string) {
  await page.evaluate((to) => history.pushState({}, '', to), path);
}

export async function shoot(page: Page, name: string) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

/** Presses and holds, as a person would to kill: until the button has done what it does, however slow the page is. */
export async function hold(page: Page, name: RegExp) {
  const button = page.getByRole('button', { name });
  await button.scrollIntoViewIfNeeded();
  const box = await button.boundingBox();
  if (!box) throw new Error(`${name} can't be seen`);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const held = await holding(button);
  await page.mouse.down();
  await held();
  await page.mouse.up();
}

/** The same by keyboard, on the button that has the focus. */
export async function holdEnter(page: Page) {
  const held = await holding(page.locator('button:focus'));
  await page.keyboard.down('Enter');
  await held();
  await page.keyboard.up('Enter');
}

/** Watches a button that is to be held; waits until it was, which it says until then, or is gone. */
async function holding(button: Locator): Promise<() => Promise<void>> {
  const watch = await button.evaluateHandle((element) => {
    let began = false;
    const held = new Promise<void>((resolve) => {
      const look = () => {
        const says = element.querySelector('[data-shown="true"]')?.textContent === 'Hold…';
        began ||= says;
        if ((says || !began) && element.isConnected) return;
        observer.disconnect();
        resolve();
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    return { held };
  });
  return () => watch.evaluate(({ held }) => held);
}
