import { TagsInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';
import { queries } from '../../api/queries';
import { BELOW } from '../../shell/fields';
import { type Editor, editorOf, type Scalar, shown, typed } from '../conditions';
import { CheckedValues } from './CheckedValues';
import { NumberValues } from './NumberValues';
import { PresenceValues } from './PresenceValues';
import { suggestions } from './suggestions';
import { TimeValues } from './TimeValues';
import { VenueValues } from './VenueValues';

/** What the editor of a condition's values is given. */
export type ValuesProps = {
  attribute: string;
  op: string;
  values: Scalar[];
  change: (values: Scalar[]) => void;
};

const EDITORS: Record<Editor, (props: ValuesProps) => ReactNode> = {
  venues: VenueValues,
  suggestions: SuggestedValues,
  numbers: NumberValues,
  times: TimeValues,
  presence: PresenceValues,
  versions: CheckedValues,
  networks: CheckedValues,
  patterns: CheckedValues,
  tags: TagValues,
};

/** The values that an attribute is compared with, by an editor that fits both. */
export function Values(props: ValuesProps) {
  const editor = editorOf(props.attribute, props.op);
  const Editor = EDITORS[editor];
  return (
    // A date and a time take more room than a value does.
    <div style={{ flex: 1, minWidth: editor === 'times' ? 260 : 180 }}>
      <Editor {...props} />
    </div>
  );
}

/** Texts, numbers and booleans. */
function TagValues({ op, values, change, data }: ValuesProps & { data?: string[] }) {
  return (
    <TagsInput
      aria-label="Values"
      placeholder="Value, then Enter"
      description={
        values.some((value) => typeof value !== 'string') ? 'A plain 5 is a number, "5" a text' : undefined
      }
      inputWrapperOrder={BELOW}
      // Large and small letters differ.
      isDuplicate={(value, own) => own.includes(value)}
      data={data}
      limit={50}
      value={shown(op, values)}
      onChange={(texts) => change(typed(op, texts, values))}
    />
  );
}

/** The same, with what the venues there are say. */
function SuggestedValues(props: ValuesProps) {
  const venues = useQuery(queries.venues()).data?.items;
  const found = useMemo(
    () =>
      suggestions(
        props.attribute,
        (venues ?? []).map(({ document }) => document),
      ),
    [props.attribute, venues],
  );
  // A list has every choice once: as texts, a number and a text can be the same.
  return <TagValues {...props} data={[...new Set(shown(props.op, found))]} />;
}
