import { renderHook } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { useOnce } from './once';

test('a double click asks once, another question or a later click asks again', async () => {
  const run = vi.fn(async (key: string) => key);
  const { result, rerender } = renderHook(() => useOnce(run));
  const first = result.current('a');
  rerender();
  const second = result.current('a');
  const other = result.current('b');
  expect(await Promise.all([first, second, other])).toEqual(['a', 'a', 'b']);
  expect(run).toHaveBeenCalledTimes(2);
  await result.current('a');
  expect(run).toHaveBeenCalledTimes(3);
});
