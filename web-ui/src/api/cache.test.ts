import { QueryObserver } from '@tanstack/react-query';
import { expect, test, vi } from 'vitest';
import { makeCache } from './cache';
import { ApiError } from './client';

test('a session that ends is noticed by whatever is asked next, and asked about once', async () => {
  const client = makeCache();
  let ended = false;
  const ask = vi.fn(async () => {
    if (ended) throw new ApiError(401, {});
    return 'Ana';
  });
  const observer = new QueryObserver(client, { queryKey: ['session'], queryFn: ask, retry: false });
  const end = observer.subscribe(() => undefined);
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toBe('Ana'));
  ended = true;
  const refuse = async () => Promise.reject(new ApiError(401, {}));
  await Promise.allSettled([
    client.fetchQuery({ queryKey: ['board'], queryFn: refuse }),
    client.fetchQuery({ queryKey: ['flags'], queryFn: refuse }),
  ]);
  await vi.waitFor(() => expect(observer.getCurrentResult().error).toBeInstanceOf(ApiError));
  // What was known stays, so that the page under the sign-in stays too.
  expect(observer.getCurrentResult().data).toBe('Ana');
  expect(ask).toHaveBeenCalledTimes(2);
  end();
});
