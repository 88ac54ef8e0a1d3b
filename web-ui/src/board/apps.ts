import { count, some } from '../shell/numbers';

/** Programs that are alike: their SDK, their version, what they speak. */
export type AppCount = { sdk: string; version?: string | null; schema: number; count: number };

/** How many versions are named. */
const NAMED = 4;

/** Which payload schema the connected apps speak: “3.1.0 on schema 2: 120 · 3.0.0 on schema 1: 3”. */
export function appsWords(apps: readonly AppCount[]): string {
  const byApp = new Map<string, number>();
  for (const app of apps) {
    const name = `${app.version ?? (app.sdk || 'others')} on schema ${app.schema}`;
    byApp.set(name, (byApp.get(name) ?? 0) + app.count);
  }
  const all = [...byApp].sort(([, a], [, b]) => b - a);
  const named = all.slice(0, NAMED).map(([name, devices]) => `${name}: ${count(devices)}`);
  const more = all.length - NAMED;
  return [...named, ...(more > 0 ? [some(more, 'more version')] : [])].join(' · ');
}
