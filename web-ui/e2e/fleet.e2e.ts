import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessible, DESK, launch, PHONE, shoot, signedIn } from './browser';
import { BINARY, Server } from './server';

let server: Server;
let browser: Browser;
let edge: Edge;

/** A real edge below a server. */
class Edge {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(upstream: string, key: string, settings: Record<string, string>): Promise<Edge> {
    const folder = mkdtempSync(join(tmpdir(), 'usher-e2e-edge-'));
    const words = ['edge', '--listen', '127.0.0.1:0', '--upstream', upstream, '--name', 'north-stand'];
    const child = spawn(BINARY, [...words, '--data', folder, '--output', 'json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...settings, USHER_EDGE_KEYS: key },
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the edge ended with ${code}`)));
      createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line).url));
    });
    return new Edge(url, child, folder);
  }

  async stop() {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

beforeAll(async () => {
  // Clients hear of steering with a heartbeat.
  const often = { USHER_HEARTBEAT_SECONDS: '1' };
  server = await Server.start(12, often);
  edge = await Edge.start(server.demo.url, server.demo.serverKey, often);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await server?.stop();
});

test('clients are sent to an edge and brought home, by keyboard alone', async () => {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: DESK });
  const page = await signedIn(context, server.demo, complaints);
  await page.getByRole('link', { name: 'Fleet' }).press('Enter');
  const servers = page.getByRole('region', { name: 'Servers', exact: true });
  await servers.getByRole('row', { name: /This server Ready Has the newest/ }).waitFor();
  await page.getByText('Changes are kept in SQLite, on disk before they are acknowledged.').waitFor();
  const edges = page.getByRole('region', { name: 'Edges', exact: true });
  await edges.getByRole('row', { name: /north-stand production 0 Has the newest/ }).waitFor();
  await page.getByRole('button', { name: 'Add a pool' }).press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).pressSequentially('canary');
  const share = dialog.getByRole('textbox', { name: 'Share of clients' });
  await share.press('Control+a');
  await share.pressSequentially('100');
  const address = dialog.getByRole('textbox', { name: 'Address of its edges' });
  await address.press('Control+a');
  await address.pressSequentially('ftp://nowhere');
  await address.press('Enter');
  // What is wrong stands at its field, and what was typed stays.
  await dialog
    .getByText(/This is no address of an edge/)
    .first()
    .waitFor();
  await expect.poll(() => address.evaluate((field) => field === document.activeElement)).toBe(true);
  await accessible(page, 'a pool with a problem');
  await shoot(page, 'fleet-pool-refused');
  await address.press('Control+a');
  await address.pressSequentially(edge.url);
  await address.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('serves 100 % of all clients').waitFor();
  // All twelve go, and stay counted.
  await edges.getByRole('row', { name: /north-stand production 12 Has the newest/ }).waitFor();
  await page.getByText('12 devices').waitFor();
  await page.setViewportSize(PHONE);
  await accessible(page, 'the fleet, steered, on a phone');
  await shoot(page, 'fleet-steered-phone');
  await page.setViewportSize(DESK);
  await shoot(page, 'fleet-steered');
  await page.getByRole('button', { name: 'Bring the clients of canary home' }).press('Enter');
  await page.getByText(/Clients stay at the server or edge that they connect to/).waitFor();
  await edges.getByRole('row', { name: /north-stand production 0 Has the newest/ }).waitFor();
  expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
  await context.close();
});
