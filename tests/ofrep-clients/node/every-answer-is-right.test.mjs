// Value, variant, reason and metadata of every row of `answers.json`, as a backend and as a page get them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { askRow, closeClients, expected, Page, serverClient } from './clients.mjs';
import { shared, Usher } from './usher.mjs';

const ROWS = shared('answers.json');

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
  for (const row of ROWS) {
    it(row.promise, async () => assert.deepEqual(await askRow(client, row), expected(row)));
  }
});

describe('a page', () => {
  let page;
  before(async () => {
    const { secret } = await usher.key('client');
    page = await Page.open(usher.url, secret, {});
  });
  // One page moves through all contexts, so that each answer could be taken for the one before.
  for (const row of ROWS) {
    it(row.promise, async () => {
      await page.move(row.context);
      assert.deepEqual(await askRow(page.client, row), expected(row));
    });
  }
});
