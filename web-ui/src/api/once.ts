import { useRef } from 'react';

/** What a mutation does, done once for a double click: the second one gets the answer to the first. */
export function useOnce<F extends (variables: never) => Promise<unknown>>(run: F): F {
  const running = useRef(new Map<string, Promise<unknown>>());
  const once = (variables: never) => {
    const key = JSON.stringify(variables) ?? '';
    const known = running.current.get(key);
    if (known) return known;
    const begun = run(variables).finally(() => running.current.delete(key));
    running.current.set(key, begun);
    return begun;
  };
  return once as F;
}
