import { TagsInput } from '@mantine/core';
import { useRef, useState } from 'react';
import { BELOW } from '../../shell/fields';
import { readNumber, type Scalar, shown } from '../conditions';
import { KINDS, wrongWords } from './checks';
import type { ValuesProps } from './Values';

/** Numbers: what is typed and is none is refused, and what was there before and is none is said to be so. */
export function NumberValues({ op, values, change }: ValuesProps) {
  const [search, setSearch] = useState('');
  const [refused, setRefused] = useState('');
  // The field is emptied after what was pasted is taken, and before what was typed is.
  const pasted = useRef(false);
  const own = shown(op, values);
  const take = (texts: string[]) => {
    const wrong: string[] = [];
    const next = texts.flatMap((text): Scalar[] => {
      const old = values[own.indexOf(text)];
      const read = old ?? readNumber(text);
      if (read === undefined) wrong.push(text);
      return read === undefined || (old === undefined && values.includes(read)) ? [] : [read];
    });
    setRefused(wrong.map((text) => `“${text}” ${whyNot(text)}.`).join(' '));
    // What is refused can be mended.
    setSearch(wrong.join(' '));
    change(next);
  };
  const hint =
    op === 'modulo' ? 'First what is divided by, then remainders: 10, then 3' : KINDS.numbers?.hint;
  return (
    <TagsInput
      aria-label="Values"
      placeholder="Number, then Enter"
      description={<span role="status">{wrongWords('numbers', values) || hint}</span>}
      error={refused || undefined}
      inputWrapperOrder={BELOW}
      // A comma may be meant to part thousands.
      splitChars={[]}
      isDuplicate={(value, others) => others.includes(value)}
      searchValue={search}
      onPaste={() => {
        pasted.current = true;
      }}
      onSearchChange={(text) => {
        const isOver = pasted.current;
        pasted.current = false;
        if (isOver) return;
        setSearch(text);
        setRefused('');
      }}
      value={own}
      onChange={take}
    />
  );
}

function whyNot(text: string): string {
  return /^[+-]?\d+$/.test(text) ? 'has more digits than are kept exactly' : (KINDS.numbers?.wrong ?? '');
}
