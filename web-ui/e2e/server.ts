import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Demo = { url: string; email: string; password: string; serverKey: string; clientKey: string };

/** The real binary, as it was built last. */
export const BINARY = process.env.USHER_BIN ?? new URL('../../target/debug/usher', import.meta.url).pathname;

/** The real binary with its demo workspace and simulated devices, on a port of its own. */
export class Server {
  private constructor(
    public demo: Demo,
    private process: ChildProcess,
    private readonly folder: string,
    private readonly devices: number,
    private readonly settings: Record<string, string>,
  ) {}

  /** `settings` are variables that the server reads. */
  static async start(devices = 120, settings: Record<string, string> = {}): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'usher-e2e-'));
    const [child, demo] = await serve(folder, devices, '127.0.0.1:0', settings);
    return new Server(demo, child, folder, devices, settings);
  }

  /** As the power does it: no farewell. */
  async kill() {
    await this.end('SIGKILL');
  }

  /** Starts again on the same port, with the same data. */
  async again() {
    const { host } = new URL(this.demo.url);
    [this.process, this.demo] = await serve(this.folder, this.devices, host, this.settings);
  }

  async stop() {
    await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill(signal);
    await gone;
  }
}

async function serve(
  folder: string,
  devices: number,
  listen: string,
  settings: Record<string, string>,
): Promise<[ChildProcess, Demo]> {
  const words = ['serve', '--demo', '--listen', listen, '--data', folder, '--devices', String(devices)];
  // What whoever runs the tests has set is none of the server's settings.
  const others = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('USHER_')),
  );
  const child = spawn(BINARY, [...words, '--output', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...others, ...settings },
  });
  const demo = await new Promise<Demo>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
  });
  return [child, demo];
}
