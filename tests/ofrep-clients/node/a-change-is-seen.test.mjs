// Another context, a kill or a revival is seen by a backend's next evaluation, and by a page's next poll.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ask, closeClients, eventually, Page, serverClient } from './clients.mjs';
import { shared, Usher } from './usher.mjs';

const ANFIELD = { targetingKey: 'u-1', venue: 'anfield' };
const MUNICH = { targetingKey: 'u-1', venue: 'munich-arena' };
const WEMBLEY = { targetingKey: 'u-1', venue: 'wembley-stadium' };

const ON = { value: true, variant: 'on', reason: 'STATIC', errorCode: undefined, metadata: {} };
const KILLED = { ...ON, value: false, variant: 'off', reason: 'DISABLED' };
// Targeting is tried, now that the flag is not the same for everybody.
const ON_ELSEWHERE = { ...ON, reason: 'DEFAULT' };
const ENGLISH = { ...ON, reason: 'TARGETING_MATCH', metadata: { rule: 'england' } };
const GERMAN = { ...ON, value: false, variant: 'off', reason: 'DEFAULT' };

let usher;
before(async () => {
  usher = await Usher.start();
});
after(async () => {
  await closeClients();
  await usher.close();
});

describe('a backend', () => {
  let client;
  before(async () => {
    const { secret } = await usher.key('server');
    client = await serverClient(usher.url, secret);
  });

  it('is given another answer for another context, and the first one again', async () => {
    assert.deepEqual(await ask(client, 'resale-guard', ANFIELD), ENGLISH);
    assert.deepEqual(await ask(client, 'resale-guard', MUNICH), GERMAN);
    assert.deepEqual(await ask(client, 'resale-guard', ANFIELD), ENGLISH);
  });

  it('sees a kill and a revival with its next evaluation, at that venue only', async () => {
    assert.deepEqual(await ask(client, 'always', ANFIELD), ON);
    await usher.act('kill', 'always', 'anfield');
    assert.deepEqual(await ask(client, 'always', ANFIELD), KILLED);
    assert.deepEqual(await ask(client, 'always', WEMBLEY), ON_ELSEWHERE);
    await usher.act('revive', 'always', 'anfield');
    assert.deepEqual(await ask(client, 'always', ANFIELD), ON);
  });

  it('sees a changed value with its next evaluation', async () => {
    const banner = shared('workspace.json').find(({ key }) => key === 'banner');
    await usher.put({ ...banner, variants: { ...banner.variants, on: 'Gates open at seven' } });
    assert.equal((await ask(client, 'banner', ANFIELD, 'string', '')).value, 'Gates open at seven');
  });
});

describe('a page', () => {
  let secret;
  before(async () => {
    ({ secret } = await usher.key('client'));
  });
  afterEach(closeClients);

  it('is given another answer at another venue, although it shows the tag of the first', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD);
    assert.deepEqual(await ask(page.client, 'resale-guard'), ENGLISH);
    await page.move(MUNICH);
    assert.deepEqual(await ask(page.client, 'resale-guard'), GERMAN);
    await page.move(ANFIELD);
    assert.deepEqual(await ask(page.client, 'resale-guard'), ENGLISH);
    assert.deepEqual(page.statuses, [200, 200, 200]);
  });

  it('is answered with a 304, and keeps its values, when a context makes no difference', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD);
    await page.move({ ...ANFIELD, colour: 'red' });
    assert.deepEqual(page.statuses, [200, 304]);
    assert.deepEqual(await ask(page.client, 'resale-guard'), ENGLISH);
  });

  it('polls without being sent what it has, and is told of no change', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD, { polls: true });
    await page.answered(304, 3);
    assert.deepEqual(await ask(page.client, 'resale-guard'), ENGLISH);
    assert.deepEqual(await ask(page.client, 'always'), ON);
    assert.deepEqual(
      page.statuses.filter((status) => status !== 304),
      [200],
    );
    assert.deepEqual(page.events, []);
  });

  it('sees a kill and a revival at its venue with its next poll, and is told which flag it was', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD, { polls: true });
    const told = { type: 'PROVIDER_CONFIGURATION_CHANGED', flags: ['always'] };
    await usher.act('kill', 'always', 'anfield');
    await eventually('the page is told of the kill', () => page.events.length === 1);
    assert.deepEqual(await ask(page.client, 'always'), KILLED);
    await usher.act('revive', 'always', 'anfield');
    await eventually('the page is told of the revival', () => page.events.length === 2);
    assert.deepEqual(await ask(page.client, 'always'), ON);
    assert.deepEqual(page.events, [told, told]);
  });

  it('is not troubled by a kill at another venue', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD, { polls: true });
    await usher.act('kill', 'resale-guard', 'wembley-stadium');
    await page.answered(304, 3);
    assert.deepEqual(await ask(page.client, 'resale-guard'), ENGLISH);
    assert.deepEqual(page.events, []);
    await page.move(WEMBLEY);
    assert.deepEqual(await ask(page.client, 'resale-guard'), KILLED);
    await usher.act('revive', 'resale-guard', 'wembley-stadium');
  });
});

describe('a page with a browser’s storage', () => {
  let secret;
  before(async () => {
    ({ secret } = await usher.key('client'));
    const kept = new Map();
    globalThis.localStorage = {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, text) => kept.set(name, text),
      removeItem: (name) => kept.delete(name),
    };
  });
  after(() => {
    delete globalThis.localStorage;
  });

  it('does not stay with what it kept from another venue', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD);
    // The client keeps values by person, not by venue: it begins with the wrong ones, and shows their tag.
    await page.move(MUNICH);
    const cached = async () => (await ask(page.client, 'resale-guard')).reason === 'CACHED';
    await eventually('the values of the new venue', async () => !(await cached()));
    assert.deepEqual(await ask(page.client, 'resale-guard'), GERMAN);
    assert.deepEqual(page.statuses, [200, 200]);
  });

  it('begins with what it kept, and is answered with a 304, when it is loaded again', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD);
    await page.load(usher.url, secret);
    await eventually('it asks behind the scenes', () => page.statuses.length === 2);
    assert.deepEqual(page.statuses, [200, 304]);
    assert.deepEqual(await ask(page.client, 'resale-guard'), { ...ENGLISH, reason: 'CACHED' });
  });
});
