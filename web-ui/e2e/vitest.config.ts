import { defineConfig } from 'vitest/config';

// A real browser against the real binary: with time to start.
export default defineConfig({
  test: {
    environment: 'node',
    include: ['e2e/**/*.e2e.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // Two at a time: they wait more than they work, and each has a server of its own.
    maxWorkers: 2,
    expect: { poll: { timeout: 30_000 } },
  },
});
