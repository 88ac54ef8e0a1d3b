import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, ask, DESK, launch, shoot, signedIn } from './browser';
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

test('a rule is edited, its reach shown before it is saved, and a change by somebody else is not lost', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.goto(`${server.demo.url}/flags/sms-delivery`);
  await page.getByRole('button', { name: 'Edit' }).first().click();
  await page.getByRole('combobox', { name: 'They get' }).click();
  await page.getByRole('option', { name: 'off', exact: true }).click();
  await page.getByRole('button', { name: 'Change the rule' }).click();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByText(/venues get something else, with \d+ devices connected/).waitFor();
  // Somebody else is faster, twice.
  await ask(page, server.demo, 'POST', 'flags/sms-delivery/environments/production/off');
  await ask(page, server.demo, 'POST', 'flags/sms-delivery/environments/production/kill', {
    venues: ['camp-nou'],
  });
  await page.getByText('This flag was changed while you were editing').waitFor();
  await page.getByText(/Demo, .*: Kill sms-delivery at camp-nou/).waitFor();
  await page.getByRole('alert').getByText('"camp-nou"').waitFor();
  await page.getByText('Your change', { exact: true }).waitFor();
  await page.getByText('Their change since you began').waitFor();
  await accessible(page, 'a conflict');
  await shoot(page, 'conflict-light-desk');
  await page.getByRole('button', { name: 'Keep both changes' }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('British venues wait');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('cohort british-venues gets off').waitFor();
  await expect.poll(() => page.getByRole('region', { name: 'Unsaved changes' }).count()).toBe(0);
  const answer = await page.request.get(`${server.demo.url}/api/v1/flags/sms-delivery`);
  const { enabled, killed, rules } = (await answer.json()).environments.production;
  expect({ enabled, killed, serve: rules[0].serve }).toMatchObject({
    enabled: false,
    killed: { venues: ['camp-nou'] },
    serve: { variant: 'off' },
  });
  await page.getByRole('button', { name: 'Ask' }).click();
  await page
    .getByText(/drawn|Splits by|flag is/)
    .first()
    .waitFor();
  // A 412, had it come, would be a complaint of the browser's own; nothing else may be.
  expect(complaints.filter((text) => !text.includes('412'))).toEqual([]);
  await context.close();
});

test('a rule that somebody takes away while it is open is not saved over what they have done', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const rule = (id: string) => ({
    id,
    if: { attribute: 'gate', op: 'in', values: [id] },
    serve: { variant: 'on' },
  });
  const flag = {
    key: 'taken-away',
    type: 'boolean',
    variants: { on: true, off: false },
    environments: {
      production: {
        enabled: true,
        offVariant: 'off',
        rules: [rule('north'), rule('south')],
        default: { variant: 'off' },
      },
    },
  };
  const put = (rules: unknown[]) => {
    const production = { ...flag.environments.production, rules };
    return ask(page, server.demo, 'PUT', `flags/${flag.key}`, { ...flag, environments: { production } });
  };
  await put([rule('north'), rule('south')]);
  await page.goto(`${server.demo.url}/flags/${flag.key}`);
  await page.getByRole('button', { name: 'Edit south' }).click();
  await page.getByRole('combobox', { name: 'They get' }).click();
  await page.getByRole('option', { name: 'off', exact: true }).click();
  await put([rule('north'), rule('west')]);
  await page.getByText('gate is one of west gets on').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Change the rule' }).click();
  await page.getByText('Somebody has changed this flag').waitFor();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByText('This flag was changed while you were editing').waitFor();
  await page.getByRole('button', { name: 'Keep theirs' }).click();
  await page.getByText('gate is one of west gets on').waitFor();
  const answer = await page.request.get(`${server.demo.url}/api/v1/flags/${flag.key}`);
  const { rules } = (await answer.json()).environments.production;
  expect(
    rules.map(({ id, serve }: { id: string; serve: { variant: string } }) => [id, serve.variant]),
  ).toEqual([
    ['north', 'on'],
    ['west', 'on'],
  ]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('what the editor can not show it does not touch: nested conditions, texts like numbers, drawn seeds, strange names', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  const key = 'a/b?c d% ü';
  const nested = {
    id: 'deep',
    if: { not: { any: [{ attribute: 'gate', op: 'in', values: ['5', 5, true] }, { cohort: 'staff' }] } },
    rollout: { by: ['venue'], percent: 100, seed: 'drawn-once' },
    serve: { split: { by: ['targetingKey'], seed: 's', weights: [{ variant: 'low', weight: 1 }] } },
  };
  const flat = {
    id: 'flat',
    if: { attribute: 'gate', op: 'in', values: ['5', 7] },
    serve: { variant: 'low' },
  };
  const production = {
    enabled: true,
    offVariant: 'none',
    targets: [{ by: 'targetingKey', values: ['ana', 'bo'], variant: 'high' }],
    rules: [nested, flat],
    default: { variant: 'none' },
    // biome-ignore lint/suspicious/noThenProperty: the API calls it so
    whenStale: { after: '1h', then: 'off' },
  };
  const name = 'A_flag_with_a_name_that_does_not_fit_anywhere_and_has_no_place_to_break_it_at_all';
  const flag = {
    key,
    name,
    type: 'integer',
    variants: { none: 0, low: 1, high: 9 },
    environments: { production },
  };
  if (!(await page.request.get(`${server.demo.url}/api/v1/cohorts/staff`)).ok())
    await ask(page, server.demo, 'PUT', 'cohorts/staff', { key: 'staff', name: 'Staff', keys: ['ana'] });
  await ask(page, server.demo, 'PUT', `flags/${encodeURIComponent(key)}`, flag);

  await page.getByRole('link', { name: 'Flags', exact: true }).click();
  await page.getByRole('link', { name }).click();
  await page.getByRole('heading', { name }).waitFor();
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);
  await page.getByText('Before any rule, 2 listed by targetingKey (ana, bo) get high').waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Edit deep' }).click();
  await page.getByText('It says more than rows can show').waitFor();
  await page.getByRole('textbox', { name: 'Name' }).fill('Deep');
  await page.getByRole('button', { name: 'Change the rule' }).click();
  await page.getByRole('button', { name: 'Edit flat' }).click();
  await page.getByText('A plain 5 is a number').waitFor();
  await accessible(page, 'a rule that is edited');
  await shoot(page, 'rule-light-desk');
  const values = page.getByRole('combobox', { name: 'Values' });
  await values.fill('9');
  await values.press('Enter');
  await page.getByRole('button', { name: 'Change the rule' }).click();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('textbox', { name: 'Why' }).fill('Only the name, and a gate');
  await page.getByRole('button', { name: 'Save', exact: true }).dblclick();
  await expect.poll(() => page.getByRole('region', { name: 'Unsaved changes' }).count()).toBe(0);
  const answer = await page.request.get(`${server.demo.url}/api/v1/flags/${encodeURIComponent(key)}`);
  const saved = (await answer.json()).environments.production;
  expect(saved.rules).toEqual([
    { ...nested, name: 'Deep' },
    { ...flat, if: { ...flat.if, values: ['5', 7, 9] } },
  ]);
  expect([saved.targets, saved.whenStale]).toEqual([production.targets, production.whenStale]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a draft is not left by accident', async () => {
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, []);
  await page.goto(`${server.demo.url}/flags/seat-map`);
  await page.getByRole('combobox', { name: 'Add a venue' }).fill('Old Trafford');
  await page.getByRole('option', { name: 'Old Trafford' }).click();
  const asked: string[] = [];
  page.once('dialog', (dialog) => {
    asked.push(dialog.message());
    void dialog.dismiss();
  });
  await page.getByRole('link', { name: 'Board', exact: true }).click();
  await expect.poll(() => asked).toEqual(['Leave, and lose what you have changed here?']);
  await page.getByText('You have unsaved changes').waitFor();
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('link', { name: 'Board', exact: true }).click();
  await page.getByRole('heading', { name: 'Board' }).waitFor();
  await context.close();
});
