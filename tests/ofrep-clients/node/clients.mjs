// The published clients as an application sets them up: a provider, a domain of its own, a client.
import { setTimeout as pause } from 'node:timers/promises';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature } from '@openfeature/server-sdk';
import { OpenFeature as OpenFeatureWeb } from '@openfeature/web-sdk';

/** Milliseconds between the polls of a web client that polls. */
const POLL = 20;
/** Milliseconds after which something that should have come about counts as failed. */
const PATIENCE = 10_000;

let made = 0;

const authorized = (key) => [['Authorization', `Bearer ${key}`]];

/** A backend's client. */
export async function serverClient(url, key) {
  const domain = `backend-${++made}`;
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: url, headers: authorized(key) }));
  return OpenFeature.getClient(domain);
}

/**
 * A page's client, for one person at one venue. `statuses` lists what its requests were answered with, `events`
 * what it told the page.
 */
export class Page {
  #domain = `page-${++made}`;
  client = OpenFeatureWeb.getClient(this.#domain);
  statuses = [];
  events = [];

  constructor() {
    for (const type of ['PROVIDER_CONFIGURATION_CHANGED', 'PROVIDER_STALE', 'PROVIDER_ERROR']) {
      this.client.addHandler(type, (details) => this.events.push({ type, flags: details?.flagsChanged }));
    }
  }

  /** A page for this person and venue, whose client has not begun. */
  static async at(context) {
    const page = new Page();
    await page.move(context);
    return page;
  }

  /** A page whose client is ready. */
  static async open(url, key, context, options) {
    const page = await Page.at(context);
    await page.load(url, key, options);
    return page;
  }

  /** Begins, or begins anew, as loading a page does. */
  async load(url, key, { polls = false } = {}) {
    const provider = new OFREPWebProvider({
      baseUrl: url,
      headers: authorized(key),
      pollInterval: polls ? POLL : 0,
      fetchImplementation: (...request) => this.#fetch(request),
    });
    await OpenFeatureWeb.setProviderAndWait(this.#domain, provider);
  }

  /** Somebody else, or somewhere else. */
  move(context) {
    return OpenFeatureWeb.setContext(this.#domain, context);
  }

  /** Waits for so many more answers of this status. */
  answered(status, times) {
    const seen = () => this.statuses.filter((own) => own === status).length;
    const wanted = seen() + times;
    return eventually(`${times} more answers of ${status}`, () => seen() >= wanted);
  }

  /** The real `fetch`, overheard. */
  async #fetch(request) {
    try {
      const response = await fetch(...request);
      this.statuses.push(response.status);
      return response;
    } catch (error) {
      this.statuses.push('unreachable');
      throw error;
    }
  }
}

/** Puts all clients away: pages would poll on. */
export async function closeClients() {
  await OpenFeatureWeb.close();
  await OpenFeature.close();
}

const METHODS = {
  boolean: 'getBooleanDetails',
  string: 'getStringDetails',
  integer: 'getNumberDetails',
  float: 'getNumberDetails',
  object: 'getObjectDetails',
};

/** What a client says of a flag. The context is the question's with a backend, the page's with a page. */
export async function ask(client, flag, context = {}, type = 'boolean', otherwise = false) {
  const details = await client[METHODS[type]](flag, otherwise, context);
  const { value, variant, reason, errorCode, flagMetadata } = details;
  return { value, variant, reason, errorCode, metadata: { ...flagMetadata } };
}

/** The same, of a row of `answers.json`. */
export const askRow = (client, row) => ask(client, row.flag, row.context, row.type, row.default);

/** What that row expects. */
export function expected({ value, variant, reason, metadata }) {
  return { value, variant, reason, errorCode: undefined, metadata };
}

/** The caller's own value, because of an error. */
export function failed(errorCode, value = false) {
  return { value, variant: undefined, reason: 'ERROR', errorCode, metadata: {} };
}

/** Waits until something holds. */
export async function eventually(what, holds) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(5)) {
    if (await holds()) return;
  }
  throw new Error(`it never came about: ${what}`);
}
