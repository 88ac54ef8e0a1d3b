import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { ask } from './browser';
import type { Demo } from './server';

/** A day that is to come, whenever this runs, with clocks an hour ahead of UTC in London, and four behind in New York. */
export const YEAR = new Date().getUTCFullYear() + 1;
export const DAY = `${YEAR}-05-15`;

const HOUR = 3_600_000;

/** So many hours from now. */
export const hours = (n: number) => new Date(Date.now() + n * HOUR).toISOString().replace(/\.\d+Z$/, 'Z');

/** Nobody tracks anything while screens are looked at, and that is no reason to pause. */
const patient = { unknownAfter: '1h' };

/** A release of the seat map that nobody but tests moves on: its stages bake for an hour. */
export function seatMap(key: string, more: Record<string, unknown> = {}) {
  return {
    key,
    name: 'Seat map in three dimensions',
    flag: 'seat-map',
    environment: 'production',
    variant: '3d',
    control: 'classic',
    lookEvery: '1s',
    stages: [
      { name: 'canary venue', venues: ['wembley-stadium'], percent: 50, bake: '1h' },
      {
        name: 'a few venues',
        venues: ['wembley-stadium', 'camp-nou', 'old-trafford', 'maracana'],
        percent: 50,
        bake: '2h',
        requires: { converged: 99, approval: true },
      },
      { name: 'all' },
    ],
    guards: [
      { name: 'Checkout', check: { failures: { metric: 'checkout' } }, minimumSample: 100, ...patient },
      {
        name: 'Seat picked',
        check: { failures: { metric: 'seat', atMost: 5 } },
        minimumSample: 50,
        ...patient,
      },
      {
        name: 'Seconds to pay',
        check: { mean: { metric: 'pay', worse: 'higher', tolerance: 5 } },
        ...patient,
      },
    ],
    ...more,
  };
}

/** Tells, as programs would, how it went with the variant and with the control at Wembley. */
export async function count(page: Page, demo: Demo, failed: { variant: number; control: number }) {
  const metric = (name: string, variant: string, bad: number) => ({
    metric: name,
    venue: 'wembley-stadium',
    flag: 'seat-map',
    variant,
    count: 40,
    failed: bad,
    sum: 120 + bad * 20,
    squares: 480 + bad * 100,
  });
  const both = (name: string) => [
    metric(name, '3d', failed.variant),
    metric(name, 'classic', failed.control),
  ];
  const exposure = (variant: string) => ({
    flag: 'seat-map',
    variant,
    venue: 'wembley-stadium',
    count: 40,
  });
  const answer = await page.request.post(`${demo.url}/sdk/v1/events`, {
    data: {
      batch: `b-${Math.random()}`,
      exposures: [exposure('3d'), exposure('classic')],
      metrics: [...both('checkout'), ...both('seat'), ...both('pay')],
    },
    headers: { Authorization: `Bearer ${demo.serverKey}` },
  });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** Change requests, one that waits and one that is over, in a staging that asks for somebody else. */
async function changes(page: Page, demo: Demo) {
  const read = async (path: string) => (await page.request.get(`${demo.url}/api/v1/${path}`)).json();
  await ask(page, demo, 'PUT', 'environments/staging', {
    ...(await read('environments/staging')),
    approvals: 1,
  });
  const flag = await read('flags/dynamic-pricing');
  const staging = { ...flag.environments.staging, enabled: true, default: { variant: 'high' } };
  const put = { kind: 'flag', ...flag, environments: { ...flag.environments, staging } };
  const open = (key: string, title: string, more = {}) =>
    ask(page, demo, 'POST', 'change-requests', { key, title, changes: [{ put }], ...more });
  await open('cheaper-seats', 'Cheaper seats');
  await ask(page, demo, 'POST', 'change-requests/cheaper-seats/close', { message: 'Nobody wants that' });
  await open('dearer-seats', 'Dearer seats on staging', {
    message: 'See what the till says to it.',
    applyAt: { local: `${DAY}T18:00`, timeZone: 'Europe/London' },
  });
  await ask(page, demo, 'POST', 'change-requests/dearer-seats/comments', {
    text: 'Before the finals, please.',
  });
}

/** Every kind of release, playbook, change request, schedule, event and freeze, for screens to show. */
export async function seed(page: Page, demo: Demo) {
  const put = (path: string, data: unknown) => ask(page, demo, 'PUT', path, data);
  const step = (key: string, name: string, message: string) =>
    ask(page, demo, 'POST', `releases/${key}/${name}`, { message });
  await put('environments/rehearsal', { key: 'rehearsal', name: 'Rehearsals', rehearsal: true });
  await put('releases/seat-map-3d', seatMap('seat-map-3d'));
  await step('seat-map-3d', 'start', 'Autumn season');
  await put('releases/gates-offline', {
    key: 'gates-offline',
    name: 'Gates that scan offline',
    flag: 'offline-gate-scan',
    environment: 'production',
    variant: 'on',
    control: 'off',
    stages: [{ name: 'dark', dark: true, bake: '30m' }, { name: 'all' }],
  });
  await step('gates-offline', 'start', 'Try it in the dark');
  await step('gates-offline', 'pause', 'Gate 4 wants a word first');
  await put('releases/prices-high', {
    key: 'prices-high',
    name: 'Higher prices',
    flag: 'dynamic-pricing',
    environment: 'staging',
    variant: 'high',
    control: 'low',
    stages: [{ name: 'half of the people', percent: 50, bake: '1d' }, { name: 'all' }],
  });
  await step('prices-high', 'start', 'Before the finals');
  await step('prices-high', 'rollback', 'Nobody bought anything');
  await put('releases/refunds', {
    key: 'refunds',
    name: 'Refunds without a form',
    flag: 'refund-flow',
    environment: 'production',
    variant: 'on',
    control: 'off',
    stages: [{ name: 'friends', cohorts: ['gate-staff'], bake: '1d' }, { name: 'all' }],
    guards: [
      {
        name: 'Payments',
        check: {
          probe: { method: 'POST', url: 'https://pay.example.org/test/{variant}', expect: { status: 201 } },
        },
      },
    ],
  });
  await put('playbooks/gates-fail', {
    key: 'gates-fail',
    name: 'Gates fail',
    description: 'When scanners at a venue refuse good tickets.',
    plays: [
      { kill: { flag: 'resale-guard', environment: 'production', venues: ['wembley-stadium', 'camp-nou'] } },
      {
        on: {
          flag: 'queue-throttle',
          environment: 'production',
          venues: ['wembley-stadium'],
          variant: 'tight',
        },
      },
      { rollBack: { release: 'seat-map-3d' } },
      { notice: { text: 'Gates at Wembley scan from paper until we say otherwise.' } },
    ],
  });
  await put('schedules/doors-open', {
    key: 'doors-open',
    name: 'Doors open',
    description: 'Touts come with the first trains.',
    at: { local: `${DAY}T18:00`, timeZone: 'Europe/London' },
    plays: [
      { on: { flag: 'resale-guard', environment: 'production', venues: ['wembley-stadium'] } },
      { notice: { text: 'Resale is guarded at Wembley.' } },
    ],
  });
  await put('schedules/last-trains', {
    key: 'last-trains',
    at: new Date(Date.now() + 2_000).toISOString(),
    plays: [{ revive: { flag: 'queue-throttle', environment: 'production', venues: ['maracana'] } }],
  });
  await put('events/cup-final', {
    key: 'cup-final',
    name: 'Cup final',
    venue: 'camp-nou',
    doors: hours(-1),
    start: hours(1),
    finalScan: hours(2),
    timeZone: 'Europe/Madrid',
  });
  await put('events/derby', {
    key: 'derby',
    name: 'Derby',
    venue: 'old-trafford',
    doors: `${DAY}T17:00:00Z`,
    start: `${DAY}T19:00:00Z`,
    finalScan: `${DAY}T19:30:00Z`,
    timeZone: 'Europe/London',
  });
  await put('freezes/doors', {
    key: 'doors',
    reason: 'Nothing changes while people come in',
    environments: ['training'],
    around: { from: 'doors-2h', until: 'finalScan+30m' },
  });
  await put('freezes/finals', {
    key: 'finals',
    reason: 'The week of the finals',
    venues: ['wembley-stadium', 'old-trafford'],
    from: `${YEAR}-05-10T00:00:00Z`,
    until: `${YEAR}-05-17T00:00:00Z`,
  });
  await changes(page, demo);
  for (let n = 0; n < 4; n++) {
    await count(page, demo, { variant: 1, control: 1 + (n % 2) });
    await page.waitForTimeout(1_100);
  }
}
