// A real `usher serve` on a port of its own, filled with the workspace that all clients are asked about.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.USHER_BIN ?? beside('../../../target/debug/usher');
const ADMIN_TOKEN = 'uat_ofrep-clients-administrator';

/** A file beside the tests, read as JSON. */
export const shared = (name) => JSON.parse(readFileSync(beside(`../${name}`), 'utf8'));

function beside(relative) {
  return fileURLToPath(new URL(relative, import.meta.url));
}

export class Usher {
  #process;
  #folder = mkdtempSync(join(tmpdir(), 'usher-ofrep-'));
  #settings;
  url = 'http://127.0.0.1:0';

  constructor(settings) {
    this.#settings = settings;
  }

  /** A seeded server, perhaps with settings of its own, named like variables. */
  static async start(settings = {}) {
    const usher = new Usher(settings);
    await usher.resume();
    try {
      await usher.put(...shared('workspace.json'));
    } catch (error) {
      await usher.close();
      throw error;
    }
    return usher;
  }

  /** A server with nothing but its two environments. */
  static async empty() {
    const usher = new Usher({});
    await usher.resume();
    return usher;
  }

  /** The environment in which commands talk to it. */
  get commands() {
    return { PATH: process.env.PATH, USHER_URL: this.url, USHER_TOKEN: ADMIN_TOKEN };
  }

  /** Starts it, again after a stop: on the same port, with the same data. */
  async resume() {
    const words = ['serve', '--listen', new URL(this.url).host, '--data', this.#folder, '--output', 'json'];
    // Settings of whoever runs the tests are not the tests' settings.
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('USHER_'));
    const env = { ...Object.fromEntries(own), USHER_ADMIN_TOKEN: ADMIN_TOKEN, USHER_LOG: 'warn', ...this.#settings };
    const child = spawn(BINARY, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    const line = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`usher ended with ${code} before it listened`)));
      createInterface({ input: child.stdout }).once('line', resolve);
    });
    this.url = JSON.parse(line).url;
  }

  /** Stops it, and keeps its data. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await gone;
  }

  /** Stops it for good. */
  async close() {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Writes documents, all in one commit. */
  put(...documents) {
    const changes = documents.map((document) => ({ put: document }));
    return this.#post('/api/v1/commits', { message: 'Write the workspace', changes });
  }

  /** A new key of production, perhaps for some venues only, or with a policy: its secret, and its end. */
  async key(type, venues = [], more = {}) {
    const wanted = { name: type, type, environment: 'production', venues, ...more };
    const { secret, key } = await this.#post('/api/v1/keys', wanted);
    return { secret, revoke: () => this.#post(`/api/v1/keys/${key.key}/revoke`, {}) };
  }

  /** `kill` or `revive`, at one venue. */
  act(action, flag, venue) {
    return this.#post(`/api/v1/flags/${flag}/environments/production/${action}`, { venues: [venue] });
  }

  /** Asks the administration API; anything but a success throws. */
  async #post(path, body) {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' };
    const response = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
