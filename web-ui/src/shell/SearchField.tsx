import { TextInput } from '@mantine/core';

type Props = {
  /** What is searched: “Search cohorts”. */
  label: string;
  /** By what. */
  placeholder: string;
  value: string;
  change: (search: string) => void;
};

/** What a list is narrowed down by. */
export function SearchField({ label, placeholder, value, change }: Props) {
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
