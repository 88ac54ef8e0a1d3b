import { useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';

/** Brings what the address names to where it is seen, with the focus, once it is there. */
export function useChosen(ready: boolean) {
  const hash = useRouterState({ select: (state) => state.location.hash });
  useEffect(() => {
    const chosen = ready && hash ? document.getElementById(hash) : null;
    chosen?.scrollIntoView({ block: 'start' });
    chosen?.focus({ preventScroll: true });
  }, [ready, hash]);
}
