import { Button, type ButtonProps } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';

/** How long it has to be held. */
const HOLD_MS = 800;

/** A button that acts when it has been held, by pointer or by key: nobody kills by brushing against a screen. */
export function HoldButton({
  onHeld,
  children,
  ...rest
}: ButtonProps & { onHeld: () => void; children: string; 'aria-label'?: string }) {
  const [holding, setHolding] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const start = () => {
    if (timer.current) return;
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
  useEffect(() => () => clearTimeout(timer.current), []);
  const isKey = (key: string) => key === 'Enter' || key === ' ';
  return (
    <Button
      {...rest}
      color="red"
      variant={holding ? 'filled' : 'light'}
      aria-description="Press and hold to confirm"
      onPointerDown={start}
      onPointerUp={stop}
      onPointerLeave={stop}
      onKeyDown={(event) => isKey(event.key) && start()}
      onKeyUp={(event) => isKey(event.key) && stop()}
      onBlur={stop}
    >
      {holding ? 'Keep holding…' : children}
    </Button>
  );
}
