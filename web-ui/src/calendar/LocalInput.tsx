import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { fromLocal, toLocal } from './zone';

type Props = {
  label: string;
  zone: string;
  value: string | undefined;
  error: string | undefined;
  required?: boolean;
  /** Whether its label is for screen readers alone, where what it is stands beside it. */
  bare?: boolean;
  change: (moment: string | undefined) => void;
};

/** A date and a time, by the clocks of a time zone. */
export function LocalInput({ label, zone, value, error, required, bare, change }: Props) {
  // What is being typed stays as it is: a year is there with its first digit, and is not yet what is meant.
  const [typed, setTyped] = useState<string>();
  const shown = value === undefined ? '' : toLocal(value, zone);
  return (
    <TextInput
      type="datetime-local"
      label={bare ? undefined : label}
      aria-label={bare ? label : undefined}
      required={required}
      value={typed ?? shown}
      error={error}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        change(fromLocal(event.currentTarget.value, zone));
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}
