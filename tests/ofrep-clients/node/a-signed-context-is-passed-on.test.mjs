// What a backend has signed is an attribute of the context, so OpenFeature's clients pass it on as they are; and a
// backend can sign with what its own language has.
import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { ask, closeClients, Page, serverClient } from './clients.mjs';
import { Usher } from './usher.mjs';

const IN_ENGLAND = { value: true, variant: 'on', reason: 'TARGETING_MATCH', errorCode: undefined, metadata: { rule: 'england' } };

/** A token of the secret of a context key: `usx_<key>~<private key>~<environment>`. */
function signed(secret, claims, lasts = 600) {
  const [key, seed, environment] = secret.replace('usx_', '').split('~');
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'base64url')]);
  const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const header = { alg: 'EdDSA', typ: 'usher-context+jwt', kid: key };
  const message = `${part(header)}.${part({ iss: key, aud: environment, iat, exp: iat + lasts, ...claims })}`;
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return `${message}.${sign(null, Buffer.from(message), privateKey).toString('base64url')}`;
}

describe('a signed context', () => {
  let usher;
  let phones;
  let backend;
  before(async () => {
    usher = await Usher.start();
    phones = (await usher.key('client', [], { signedContexts: 'required' })).secret;
    backend = (await usher.key('context')).secret;
  });
  afterEach(closeClients);
  after(() => usher.close());

  it('is what counts for a page, whatever the page says', async () => {
    const signedContext = signed(backend, { targetingKey: 'u-1', venue: 'anfield' });
    const page = await Page.open(usher.url, phones, { targetingKey: 'u-2', venue: 'munich-arena', signedContext });
    assert.deepEqual(await ask(page.client, 'resale-guard'), IN_ENGLAND);
  });

  it('is passed on by a backend’s client too, and asked for where it lacks', async () => {
    const client = await serverClient(usher.url, phones);
    const signedContext = signed(backend, { targetingKey: 'u-1', venue: 'anfield' });
    assert.deepEqual(await ask(client, 'resale-guard', { signedContext }), IN_ENGLAND);
    const refused = await ask(client, 'resale-guard', { targetingKey: 'u-1', venue: 'anfield' });
    assert.equal(refused.value, false);
    assert.equal(refused.reason, 'ERROR');
    const old = await ask(client, 'resale-guard', { signedContext: signed(backend, { venue: 'anfield' }, -1) });
    assert.equal(old.reason, 'ERROR');
  });
});
