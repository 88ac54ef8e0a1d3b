// A server that is gone costs no page its values; one that is back, with the same port and data, is used again.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ask, closeClients, eventually, failed, Page, serverClient } from './clients.mjs';
import { Usher } from './usher.mjs';

const ANFIELD = { targetingKey: 'u-1', venue: 'anfield' };
const ON = { value: true, variant: 'on', reason: 'STATIC', errorCode: undefined, metadata: {} };
const KILLED = { ...ON, value: false, variant: 'off', reason: 'DISABLED' };

let usher;
beforeEach(async () => {
  usher = await Usher.start();
});
afterEach(async () => {
  await closeClients();
  await usher.close();
});

describe('a backend', () => {
  it('gets its own value while the server is gone, and the right one once it is back', async () => {
    const { secret } = await usher.key('server');
    const client = await serverClient(usher.url, secret);
    assert.deepEqual(await ask(client, 'always', ANFIELD), ON);
    await usher.stop();
    assert.deepEqual(await ask(client, 'always', ANFIELD), failed('GENERAL'));
    await usher.resume();
    assert.deepEqual(await ask(client, 'always', ANFIELD), ON);
  });

  it('sees after an outage what was killed before it', async () => {
    const { secret } = await usher.key('server');
    const client = await serverClient(usher.url, secret);
    await usher.act('kill', 'always', 'anfield');
    await usher.stop();
    await usher.resume();
    assert.deepEqual(await ask(client, 'always', ANFIELD), KILLED);
  });
});

describe('a page', () => {
  let secret;
  beforeEach(async () => {
    ({ secret } = await usher.key('client'));
  });

  it('keeps its values while the server is gone, and knows that they are stale', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD, { polls: true });
    await usher.stop();
    await eventually('the page knows', () => page.client.providerStatus === 'STALE');
    assert.equal(page.statuses.at(-1), 'unreachable');
    assert.deepEqual(await ask(page.client, 'always'), ON);
  });

  it('is answered with a 304 by the server that is back, and sees the next kill', async () => {
    const page = await Page.open(usher.url, secret, ANFIELD, { polls: true });
    await usher.stop();
    await page.answered('unreachable', 1);
    await usher.resume();
    // A tag is over the answer, so it outlives the process that made it.
    await page.answered(304, 1);
    await usher.act('kill', 'always', 'anfield');
    await eventually(
      'the kill is seen',
      async () => (await ask(page.client, 'always')).reason === 'DISABLED',
    );
    assert.deepEqual(await ask(page.client, 'always'), KILLED);
    const whole = page.statuses.filter((status) => status === 200);
    assert.equal(whole.length, 2, 'only its first answer and the kill were sent');
  });

  it('that was opened while the server was gone has its own values, until it asks again', async () => {
    await usher.stop();
    const page = await Page.at(ANFIELD);
    await assert.rejects(page.load(usher.url, secret));
    assert.equal(page.client.providerStatus, 'ERROR');
    assert.deepEqual(await ask(page.client, 'always'), failed('FLAG_NOT_FOUND'));
    await usher.resume();
    await page.move(ANFIELD);
    assert.equal(page.client.providerStatus, 'READY');
    assert.deepEqual(await ask(page.client, 'always'), ON);
  });
});
