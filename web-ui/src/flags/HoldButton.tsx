import { Button, type ButtonProps } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import classes from './flags.module.css';

/** How long it has to be held. */
const HOLD_MS = 800;
/** How long it says what to do after it was only touched, and waits for the second press of a screen reader. */
const HINT_MS = 4_000;

type Props = ButtonProps & { onHeld: () => void; children: string; 'aria-label'?: string };

/**
 * A button that acts when it has been held, by pointer or by key: nobody kills by brushing against a screen.
 * Screen readers and voice control can only press: for them the second press acts.
 */
export function HoldButton({ onHeld, children, 'aria-label': label, ...rest }: Props) {
  const [holding, setHolding] = useState(false);
  const [asking, setAsking] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const hint = useRef<ReturnType<typeof setTimeout>>(undefined);
  const ask = (on: boolean) => {
    clearTimeout(hint.current);
    setAsking(on);
    if (on) hint.current = setTimeout(() => setAsking(false), HINT_MS);
  };
  const start = () => {
    if (timer.current || rest.disabled || rest.loading) return;
    ask(false);
    setHolding(true);
    timer.current = setTimeout(() => {
      stop();
      onHeld();
    }, HOLD_MS);
  };
  const stop = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    setHolding(false);
  };
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      clearTimeout(hint.current);
    },
    [],
  );
  const isKey = (key: string) => key === 'Enter' || key === ' ';
  const press = () => {
    ask(!asking);
    if (asking) onHeld();
  };
  const now = holding ? 'Hold…' : asking ? 'Press again' : undefined;
  return (
    <Button
      {...rest}
      color="red"
      variant={holding || asking ? 'filled' : 'light'}
      className={classes.hold}
      aria-label={asking ? `Press again: ${label ?? children}` : label}
      aria-description="Press and hold to confirm"
      title="Press and hold"
      onPointerDown={(event) => event.button === 0 && start()}
      onPointerUp={stop}
      onPointerLeave={stop}
      onPointerCancel={stop}
      // A finger that rests is holding; it does not ask for a menu.
      onContextMenu={(event) => event.preventDefault()}
      // Keys hold, so they do not click as well: a click without a pointer is a screen reader's press.
      onKeyDown={(event) => {
        if (!isKey(event.key)) return;
        event.preventDefault();
        // A key that is still down has been held: it does not begin again, nor here what it began elsewhere.
        if (!event.repeat) start();
      }}
      onKeyUp={(event) => {
        if (!isKey(event.key)) return;
        event.preventDefault();
        stop();
      }}
      onClick={(event) => event.detail === 0 && press()}
      onBlur={stop}
    >
      {/* Both words have their place, so that the button does not shrink away from under the finger. */}
      <span className={classes.words}>
        <span data-shown={now === undefined}>{children}</span>
        <span data-shown={now !== undefined}>{now ?? 'Hold…'}</span>
      </span>
    </Button>
  );
}
