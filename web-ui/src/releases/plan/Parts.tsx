import { ActionIcon, Button, Text } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { moved, replaced, without } from './change';
import classes from './plan.module.css';

type Props<T extends { name: string }> = {
  title: string;
  /** What one of them is called. */
  noun: string;
  about: string;
  error: string | undefined;
  parts: readonly T[];
  change: (parts: T[]) => void;
  make: () => T;
  children: (part: T, n: number, change: (part: T) => void) => ReactNode;
};

/** A list of parts of a plan, each a group of fields, with its order. */
export function Parts<T extends { name: string }>(props: Props<T>) {
  const { title, noun, about, error, parts, change, make, children } = props;
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Text size="sm" className="soft" mb="sm">
        {about}
      </Text>
      {error && (
        <Text size="sm" c="var(--killed)" mb="sm" role="alert">
          {error}
        </Text>
      )}
      {parts.map((part, n) => {
        const called = `${noun} ${n + 1}${part.name ? `, ${part.name}` : ''}`;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place
          <fieldset key={n} className={classes.part}>
            <legend>{called.charAt(0).toUpperCase() + called.slice(1)}</legend>
            {children(part, n, (next) => change(replaced(parts, n, next)))}
            <div className={classes.partFoot}>
              <ActionIcon
                variant="default"
                aria-label={`Move ${called} up`}
                disabled={n === 0}
                onClick={() => change(moved(parts, n, -1))}
              >
                ↑
              </ActionIcon>
              <ActionIcon
                variant="default"
                aria-label={`Move ${called} down`}
                disabled={n === parts.length - 1}
                onClick={() => change(moved(parts, n, 1))}
              >
                ↓
              </ActionIcon>
              <ActionIcon
                variant="default"
                aria-label={`Take ${called} away`}
                onClick={() => change(without(parts, n))}
              >
                ✕
              </ActionIcon>
            </div>
          </fieldset>
        );
      })}
      <Button variant="default" size="xs" onClick={() => change([...parts, make()])}>
        Add a {noun}
      </Button>
    </section>
  );
}
