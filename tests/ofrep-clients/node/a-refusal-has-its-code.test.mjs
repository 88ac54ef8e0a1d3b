// What the server refuses gives the caller's own value, with the code that the client has for it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ask, closeClients, eventually, failed, Page, serverClient } from './clients.mjs';
import { Usher } from './usher.mjs';

const ANFIELD = { targetingKey: 'u-1', venue: 'anfield' };
const BERLIN = { targetingKey: 'u-1', venue: 'berlin-dome' };

const ON = { value: true, variant: 'on', reason: 'STATIC', errorCode: undefined, metadata: {} };
const OFF = { ...ON, value: false, variant: 'off', reason: 'DISABLED' };

/** Contexts that OpenFeature lets through, and Usher can't read. */
const MALFORMED = [
  { targetingKey: 7 },
  { targetingKey: 'u-1', venue: ['anfield'] },
  { targetingKey: 'u-1', note: 'x'.repeat(70_000) },
];

let usher;
before(async () => {
  usher = await Usher.start();
});
after(async () => {
  await closeClients();
  await usher.close();
});

describe('a backend', () => {
  const client = async (type, venues) => serverClient(usher.url, (await usher.key(type, venues)).secret);

  it('is told that there is no such flag', async () => {
    assert.deepEqual(await ask(await client('server'), 'no-such', ANFIELD), failed('FLAG_NOT_FOUND'));
  });

  it('is told that a flag is of another type', async () => {
    const own = await client('server');
    const mismatch = (value) => failed('TYPE_MISMATCH', value);
    assert.deepEqual(await ask(own, 'always', ANFIELD, 'string', 'mine'), mismatch('mine'));
    assert.deepEqual(await ask(own, 'banner', ANFIELD, 'boolean', true), mismatch(true));
    assert.deepEqual(await ask(own, 'seat-limit', ANFIELD, 'object', {}), mismatch({}));
    assert.deepEqual(await ask(own, 'layout', ANFIELD, 'float', 1.5), mismatch(1.5));
  });

  it('is told that its context can’t be read', async () => {
    const own = await client('server');
    for (const context of MALFORMED) {
      assert.deepEqual(await ask(own, 'always', context), failed('INVALID_CONTEXT'));
    }
    assert.deepEqual(await ask(own, 'always', ANFIELD), ON);
  });

  it('gets its own value with a wrong key', async () => {
    const stranger = await serverClient(usher.url, 'usk_wrong');
    assert.deepEqual(await ask(stranger, 'always', ANFIELD), failed('GENERAL'));
  });

  it('gets its own value from the moment its key is revoked', async () => {
    const key = await usher.key('server');
    const own = await serverClient(usher.url, key.secret);
    assert.deepEqual(await ask(own, 'always', ANFIELD), ON);
    await key.revoke();
    assert.deepEqual(await ask(own, 'always', ANFIELD), failed('GENERAL'));
  });

  it('with a client’s key does not find a flag that clients may not see', async () => {
    assert.deepEqual(await ask(await client('server'), 'hidden', ANFIELD), ON);
    assert.deepEqual(await ask(await client('client'), 'hidden', ANFIELD), failed('FLAG_NOT_FOUND'));
  });

  it('is told which prerequisite failed, unless its key may not see that one', async () => {
    const named = { ...OFF, metadata: { prerequisiteFailed: 'hidden' } };
    assert.deepEqual(await ask(await client('server'), 'needs-hidden', ANFIELD), named);
    assert.deepEqual(await ask(await client('client'), 'needs-hidden', ANFIELD), OFF);
  });

  it('with a key for one venue gets its own value at another', async () => {
    const narrow = await client('server', ['anfield']);
    assert.deepEqual(await ask(narrow, 'always', ANFIELD), ON);
    assert.deepEqual(await ask(narrow, 'always', BERLIN), failed('GENERAL'));
  });

  it('gets its own value where the flag has none', async () => {
    const own = await client('server');
    // This client takes an answer without a value for a broken one; the value is right all the same.
    for (const flag of ['imported', 'staging-only']) {
      assert.deepEqual(await ask(own, flag, ANFIELD, 'boolean', true), failed('GENERAL', true));
    }
  });
});

describe('a page', () => {
  // It knows whose flags it was sent, also where it was not sent one.
  const notFound = (value) => ({ ...failed('FLAG_NOT_FOUND', value), metadata: { flagSetId: 'production' } });
  const open = async (context = ANFIELD, venues = []) => {
    const { secret } = await usher.key('client', venues);
    return Page.open(usher.url, secret, context);
  };

  it('is told that there is no such flag', async () => {
    assert.deepEqual(await ask((await open()).client, 'no-such'), notFound());
  });

  it('is told that a flag is of another type', async () => {
    const { client } = await open();
    assert.deepEqual(await ask(client, 'always', {}, 'string', 'mine'), failed('TYPE_MISMATCH', 'mine'));
    assert.deepEqual(await ask(client, 'layout', {}, 'float', 1.5), failed('TYPE_MISMATCH', 1.5));
  });

  it('is not sent a flag that clients may not see, nor its name', async () => {
    const { client } = await open();
    assert.deepEqual(await ask(client, 'hidden'), notFound());
    assert.deepEqual(await ask(client, 'needs-hidden'), OFF);
  });

  it('gets its own value where the flag has none', async () => {
    const { client } = await open();
    assert.deepEqual(await ask(client, 'imported', {}, 'boolean', true), ON);
    assert.deepEqual(await ask(client, 'imported', {}, 'boolean', false), { ...ON, value: false });
    assert.deepEqual(await ask(client, 'staging-only', {}, 'boolean', true), notFound(true));
  });

  it('keeps its values when a context can’t be read, says so, and takes the next one', async () => {
    const page = await open(BERLIN);
    for (const context of MALFORMED) {
      await page.move(context);
      assert.equal(page.statuses.at(-1), 400);
      assert.equal((await ask(page.client, 'resale-guard')).reason, 'TARGETING_MATCH');
    }
    assert.deepEqual(
      page.events,
      MALFORMED.map(() => ({ type: 'PROVIDER_ERROR', flags: undefined })),
    );
    await page.move({ targetingKey: 'u-1', venue: 'munich-arena' });
    assert.equal((await ask(page.client, 'resale-guard')).reason, 'DEFAULT');
  });

  it('does not begin with a wrong or a revoked key', async () => {
    const key = await usher.key('client');
    await key.revoke();
    for (const secret of ['uck_wrong', key.secret]) {
      const page = await Page.at(ANFIELD);
      await assert.rejects(page.load(usher.url, secret), { code: 'PROVIDER_FATAL' });
      assert.deepEqual(page.statuses, [401]);
      assert.deepEqual(await ask(page.client, 'always'), failed('PROVIDER_FATAL'));
    }
  });

  it('keeps its values when its key is revoked under it, and knows that they are stale', async () => {
    const key = await usher.key('client');
    const page = await Page.open(usher.url, key.secret, ANFIELD, { polls: true });
    await key.revoke();
    await eventually('the page knows', () => page.client.providerStatus === 'STALE');
    assert.equal(page.statuses.at(-1), 401);
    assert.deepEqual(await ask(page.client, 'always'), ON);
  });

  it('with a key for one venue is refused another, and need not name its own', async () => {
    const page = await open({ targetingKey: 'u-1' }, ['anfield']);
    assert.equal((await ask(page.client, 'refunds')).reason, 'DISABLED');
    await page.move(BERLIN);
    assert.equal(page.statuses.at(-1), 403);
    assert.equal((await ask(page.client, 'refunds')).reason, 'DISABLED');
    assert.deepEqual(page.events, [{ type: 'PROVIDER_ERROR', flags: undefined }]);
  });
});
