// A page that listens is told of a change, and asks once: it need not poll. Browsers have an `EventSource`; here the
// published one of npm stands in for it.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import { ask, closeClients, eventually, Page } from './clients.mjs';
import { Usher } from './usher.mjs';

const ANFIELD = { targetingKey: 'u-1', venue: 'anfield' };

const ON = { value: true, variant: 'on', reason: 'STATIC', errorCode: undefined, metadata: {} };
const KILLED = { ...ON, value: false, variant: 'off', reason: 'DISABLED' };
const CHANGED = 'PROVIDER_CONFIGURATION_CHANGED';

/** Streams that pages have opened since the test began. */
let opened = [];

/** The real one, overheard. */
class Overheard extends EventSource {
  constructor(...words) {
    super(...words);
    opened.push(this);
  }
}

/** Waits until a page's stream is open, and what it may have been told at first is dealt with. */
async function listening(page) {
  await eventually('a stream', () => opened.at(-1)?.readyState === EventSource.OPEN);
  await eventually('it has asked again', () => page.statuses.at(-1) === 304);
}

let usher;
before(async () => {
  globalThis.EventSource = Overheard;
  usher = await Usher.start();
});
afterEach(async () => {
  await closeClients();
  opened = [];
});
after(async () => {
  delete globalThis.EventSource;
  await usher.close();
});

describe('a page that listens', () => {
  let key;
  before(async () => {
    key = await usher.key('client');
  });

  it('opens one stream, at the address that it was given', async () => {
    const page = await Page.open(usher.url, key.secret, ANFIELD);
    await listening(page);
    assert.equal(opened.length, 1);
    const { origin, pathname } = new URL(opened[0].url);
    assert.deepEqual([origin, pathname], [usher.url, '/ofrep/v1/events']);
  });

  it('is told of a kill and of a revival, asks once for each, and tells which flag it was', async () => {
    const page = await Page.open(usher.url, key.secret, ANFIELD);
    await listening(page);
    const asked = page.statuses.length;
    const told = { type: CHANGED, flags: ['always'] };
    await usher.act('kill', 'always', 'anfield');
    await eventually('the page is told of the kill', () => page.events.length === 1);
    assert.deepEqual(await ask(page.client, 'always'), KILLED);
    await usher.act('revive', 'always', 'anfield');
    await eventually('the page is told of the revival', () => page.events.length === 2);
    assert.deepEqual(await ask(page.client, 'always'), ON);
    assert.deepEqual(page.events, [told, told]);
    assert.deepEqual(page.statuses.slice(asked), [200, 200]);
    assert.equal(opened.length, 1, 'by the same stream');
  });

  it('is answered with a 304 when the change makes no difference to it', async () => {
    const page = await Page.open(usher.url, key.secret, ANFIELD);
    await listening(page);
    const asked = page.statuses.length;
    await usher.act('kill', 'refunds', 'wembley-stadium');
    await eventually('it asks', () => page.statuses.length > asked);
    assert.deepEqual(page.statuses.slice(asked), [304]);
    assert.deepEqual(page.events, []);
  });

  it('is not told of what it may not see', async () => {
    const page = await Page.open(usher.url, key.secret, ANFIELD);
    await listening(page);
    const asked = page.statuses.length;
    const safe = { kind: 'flag', key: 'safe', type: 'boolean', variants: { on: true, off: false } };
    await usher.put({ ...safe, clientVisible: false, environments: {} });
    // Were the page told of that, it would ask twice.
    await usher.act('kill', 'always', 'anfield');
    await eventually('it asks', () => page.statuses.length > asked);
    assert.deepEqual(page.statuses.slice(asked), [200]);
    await usher.act('revive', 'always', 'anfield');
  });

  it('hears of changes again once a server that was gone is back', async () => {
    const page = await Page.open(usher.url, key.secret, ANFIELD);
    await listening(page);
    await usher.stop();
    await eventually('it notices', () => page.events.some(({ type }) => type === 'PROVIDER_STALE'));
    await usher.resume();
    await usher.act('kill', 'always', 'anfield');
    await eventually('it is told of what it missed', () => page.events.some(({ type }) => type === CHANGED));
    assert.deepEqual(await ask(page.client, 'always'), KILLED);
    await usher.act('revive', 'always', 'anfield');
  });

  it('keeps its values, and loses its stream, when its key is revoked', async () => {
    const own = await usher.key('client');
    const page = await Page.open(usher.url, own.secret, ANFIELD);
    await listening(page);
    await own.revoke();
    await eventually('its stream is closed', () => opened[0].readyState === EventSource.CLOSED);
    await eventually('it asks, and is refused', () => page.statuses.at(-1) === 401);
    assert.deepEqual(await ask(page.client, 'always'), ON);
  });
});

describe('a page whose stream’s address has run out', () => {
  let brief;
  before(async () => {
    brief = await Usher.start({ USHER_OFREP_TOKEN_SECONDS: '1' });
  });
  after(() => brief.close());

  it('is given a fresh one when it asks again, and is told of what it missed', async () => {
    const { secret } = await brief.key('client');
    const page = await Page.open(brief.url, secret, ANFIELD);
    await eventually('a stream', () => opened[0]?.readyState === EventSource.OPEN);
    await brief.stop();
    // Two windows of a second: the address opens nothing any more.
    await pause(2_000);
    await brief.resume();
    await brief.act('kill', 'always', 'anfield');
    await eventually('its stream is refused', () => opened[0].readyState === EventSource.CLOSED);
    await eventually('another stream', () => opened[1]?.readyState === EventSource.OPEN);
    assert.notEqual(opened[1].url, opened[0].url);
    assert.deepEqual(await ask(page.client, 'always'), KILLED);
    await brief.act('revive', 'always', 'anfield');
    await eventually('it is told of the revival', async () => (await ask(page.client, 'always')).value);
    assert.deepEqual(await ask(page.client, 'always'), ON);
  });
});
