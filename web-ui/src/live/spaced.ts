/** Refetches of one kind of data begin at least this far apart, however many changes come. */
export const EVERY_MS = 1_000;

/**
 * Spaces calls of `run` out, key by key: the first runs at once, those that come while it runs or soon after
 * become one more. A hundred commits a second so fetch the board once a second, and what is shown at the end
 * is never older than the last of them.
 */
export function spaced(run: (key: string) => Promise<unknown>, every = EVERY_MS) {
  const busy = new Map<string, { again: boolean; timer?: ReturnType<typeof setTimeout> }>();

  const mark = (key: string) => {
    const known = busy.get(key);
    if (known) {
      known.again = true;
      return;
    }
    const state: { again: boolean; timer?: ReturnType<typeof setTimeout> } = { again: false };
    busy.set(key, state);
    const rest = new Promise<void>((resolve) => {
      state.timer = setTimeout(resolve, every);
    });
    void Promise.allSettled([run(key), rest]).then(() => {
      // Forgotten meanwhile.
      if (busy.get(key) !== state) return;
      busy.delete(key);
      if (state.again) mark(key);
    });
  };

  /** Forgets all that waits: what comes next runs at once. */
  const reset = () => {
    for (const { timer } of busy.values()) clearTimeout(timer);
    busy.clear();
  };

  return { mark, reset };
}
