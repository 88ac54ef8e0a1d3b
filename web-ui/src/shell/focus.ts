import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react';

/**
 * For what takes the focus while it is rendered: afterwards it goes back to where it came from, or to the screen when
 * that is gone. It goes to `to` at once, and not a moment later as by a focus trap: whoever types on loses no letter.
 */
export function useFocusBack(to?: RefObject<HTMLElement | null>) {
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    before.current ??= document.activeElement;
    to?.current?.focus({ preventScroll: true });
  }, [to]);
  useEffect(
    () => () => {
      const back = before.current?.isConnected ? before.current : document.getElementById('screen');
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    },
    [],
  );
}
