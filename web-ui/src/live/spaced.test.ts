import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EVERY_MS, spaced } from './spaced';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a hundred changes a second become one refetch a second, and the last change is not missed', async () => {
  const run = vi.fn(async () => undefined);
  const { mark } = spaced(run);
  for (let n = 0; n < 100; n++) {
    mark('board');
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(run).toHaveBeenCalledTimes(2);
  mark('board');
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(3);
});

test('a single change is refetched at once, and kinds do not wait for each other', () => {
  const run = vi.fn(async () => undefined);
  const { mark } = spaced(run);
  mark('board');
  mark('flags');
  expect(run.mock.calls).toEqual([['board'], ['flags']]);
});

test('no refetch begins while the one before is under way, unless all is begun anew', async () => {
  const run = vi.fn(() => new Promise(() => undefined));
  const { mark, reset } = spaced(run);
  mark('board');
  mark('board');
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(1);
  reset();
  mark('board');
  expect(run).toHaveBeenCalledTimes(2);
});

test('a refetch that fails does not end the refetching', async () => {
  const run = vi.fn(async () => Promise.reject(new Error('gone')));
  const { mark } = spaced(run);
  mark('board');
  mark('board');
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(run).toHaveBeenCalledTimes(2);
});
