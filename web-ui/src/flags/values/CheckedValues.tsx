import { TagsInput } from '@mantine/core';
import { useState } from 'react';
import { BELOW } from '../../shell/fields';
import { editorOf, shown, typed } from '../conditions';
import { KINDS, wrongWords } from './checks';
import type { ValuesProps } from './Values';

/** Versions, networks and patterns: a value that does not look like one is taken all the same, for the server decides. */
export function CheckedValues({ attribute, op, values, change }: ValuesProps) {
  const [search, setSearch] = useState('');
  const editor = editorOf(attribute, op);
  const kind = KINDS[editor];
  const typing = search.trim();
  // Of what is still being typed the same is said at each letter, so that it is read out once.
  const warning =
    typing && !kind?.fits(typing) ? `What is typed ${kind?.wrong}.` : wrongWords(editor, values);
  return (
    <TagsInput
      aria-label="Values"
      placeholder="Value, then Enter"
      description={<span role="status">{warning ? `Warning: ${warning}` : kind?.hint}</span>}
      inputWrapperOrder={BELOW}
      // A comma belongs to many a pattern, and large and small letters differ.
      splitChars={editor === 'patterns' ? [] : [',']}
      isDuplicate={(value, own) => own.includes(value)}
      searchValue={search}
      onSearchChange={setSearch}
      value={shown(op, values)}
      onChange={(texts) => change(typed(op, texts, values))}
    />
  );
}
