import { Select, type SelectProps } from '@mantine/core';
import { useState } from 'react';
import { BELOW } from './fields';

type Choice = { value: string; label: string };
type Props = Omit<SelectProps, 'data' | 'nothingFoundMessage'> & {
  data: Choice[];
  /** What is said when nothing fits. */
  none: string;
};

/**
 * A list to be searched. Where nothing fits, that is said below the field: a list with nothing in it, or with words
 * instead of options, is no list to a screen reader, so none is opened.
 */
export function SearchSelect({ none, data, ...rest }: Props) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const isEmpty = !data.some(({ label }) => label.toLowerCase().includes(wanted));
  return (
    <Select
      {...rest}
      searchable
      data={data}
      searchValue={search}
      onSearchChange={setSearch}
      description={<span role="status">{isEmpty && wanted ? none : (rest.description ?? '')}</span>}
      inputWrapperOrder={BELOW}
    />
  );
}
