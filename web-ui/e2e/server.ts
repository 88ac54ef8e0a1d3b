import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Demo = { url: string; email: string; password: string; serverKey: string; clientKey: string };

/** The real binary with its demo workspace and simulated devices, on a port of its own. */
export class Server {
  private constructor(
    readonly demo: Demo,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(devices = 120): Promise<Server> {
    const binary = process.env.USHER_BIN ?? new URL('../../target/debug/usher', import.meta.url).pathname;
    const folder = mkdtempSync(join(tmpdir(), 'usher-e2e-'));
    const words = [
      'serve',
      '--demo',
      '--listen',
      '127.0.0.1:0',
      '--data',
      folder,
      '--devices',
      String(devices),
    ];
    const child = spawn(binary, [...words, '--output', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const demo = await new Promise<Demo>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
    });
    return new Server(demo, child, folder);
  }

  async stop() {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
