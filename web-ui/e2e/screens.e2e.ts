import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, DESK, go, launch, PHONE, shoot, signedIn } from './browser';
import { seed } from './seeds';
import { Server } from './server';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
  // A change that has reached devices, so that convergence has something to show.
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  await page.getByText(/· 120 devices/).waitFor();
  await seed(page, server.demo);
  const killed = await page.request.post(
    `${server.demo.url}/api/v1/flags/queue-throttle/environments/production/kill`,
    { data: { venues: ['maracana'] }, headers: { Origin: server.demo.url } },
  );
  expect(killed.status()).toBe(200);
  await context.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const SCREENS: { name: string; path: string; ready: string; shows?: RegExp }[] = [
  { name: 'board', path: '/board', ready: 'Board' },
  { name: 'flags', path: '/flags', ready: 'Flags' },
  { name: 'flag', path: '/flags/resale-guard', ready: 'Resale guard' },
  { name: 'changes', path: '/changes', ready: 'Changes', shows: /1 open, 0 wait for you/ },
  {
    name: 'change',
    path: '/changes/dearer-seats',
    ready: 'Dearer seats on staging',
    shows: /You ask for this yourself/,
  },
  { name: 'change-closed', path: '/changes/cheaper-seats', ready: 'Cheaper seats', shows: /It was closed/ },
  { name: 'releases', path: '/releases', ready: 'Releases', shows: /2 under way/ },
  {
    name: 'release-running',
    path: '/releases/seat-map-3d',
    ready: 'Seat map in three dimensions',
    shows: /It bakes for/,
  },
  { name: 'release-planned', path: '/releases/refunds', ready: 'Refunds without a form', shows: /begin so/ },
  {
    name: 'release-over',
    path: '/releases/prices-high',
    ready: 'Higher prices',
    shows: /Nobody bought anything/,
  },
  { name: 'new-release', path: '/new-release', ready: 'Plan a release' },
  { name: 'playbooks', path: '/playbooks', ready: 'Playbooks', shows: /Kills Resale guard at Wembley/ },
  { name: 'schedules', path: '/schedules', ready: 'Schedules', shows: /Turns Resale guard on at Wembley/ },
  { name: 'calendar', path: '/calendar', ready: 'Calendar', shows: /The week of the finals/ },
  { name: 'flag-released', path: '/flags/seat-map', ready: 'Seat map', shows: /brings it to “3d”/ },
  { name: 'convergence', path: '/convergence', ready: 'Convergence', shows: /(\d+) of \1 devices/ },
  { name: 'history', path: '/history', ready: 'History' },
  { name: 'venues', path: '/venues', ready: 'Venues' },
  { name: 'cohorts', path: '/cohorts', ready: 'Cohorts' },
  { name: 'environments', path: '/environments', ready: 'Environments', shows: /Kills are never held up/ },
  { name: 'fleet', path: '/fleet', ready: 'Fleet', shows: /Changes are kept in SQLite/ },
  { name: 'keys', path: '/keys', ready: 'Keys' },
  { name: 'people', path: '/people', ready: 'People' },
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [size, viewport] of [
    ['desk', DESK],
    ['phone', PHONE],
  ] as const) {
    test(`every screen is accessible, ${colorScheme}, ${size}`, async () => {
      const complaints: string[] = [];
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const first = await context.newPage();
      await first.goto(server.demo.url);
      await first.getByRole('button', { name: 'Sign in' }).waitFor();
      await accessible(first, 'sign-in', colorScheme === 'dark');
      await shoot(first, `sign-in-${colorScheme}-${size}`);
      await first.close();
      const page = await signedIn(context, server.demo, complaints);
      for (const screen of SCREENS) {
        await go(page, screen.path);
        await page.getByRole('heading', { name: screen.ready, exact: true }).waitFor();
        await page.getByText('Live', { exact: false }).first().waitFor();
        await expect.poll(() => page.getByText('Loading').count()).toBe(0);
        if (screen.shows) await page.getByText(screen.shows).waitFor();
        await page.waitForTimeout(100);
        await shoot(page, `${screen.name}-${colorScheme}-${size}`);
        await accessible(page, `${screen.name} ${colorScheme} ${size}`, colorScheme === 'dark');
        // Nothing hangs over the edge of a phone.
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(over, `${screen.name} is too wide`).toBeLessThanOrEqual(0);
      }
      expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
      await context.close();
    });
  }
}
