import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { count } from '../shell/numbers';
import { SearchSelect } from '../shell/SearchSelect';

/** Whose flags, and which. */
export type Labels = { owner: string | null; tag: string | null };

export const NO_LABELS: Labels = { owner: null, tag: null };

type Props = { labels: Labels; change: (labels: Labels) => void };

/** Chooses flags by their owner and by a tag; not there where no flag has any. */
export function LabelFilter({ labels, change }: Props) {
  const known = useQuery(queries.flagLabels()).data;
  const choices = (all: readonly { name: string; count: number }[] | undefined) =>
    (all ?? []).map((one) => ({ value: one.name, label: `${one.name} (${count(one.count)})` }));
  return (
    <>
      {!!known?.owners.length && (
        <SearchSelect
          aria-label="Owner"
          placeholder="Any owner"
          w={150}
          clearable
          clearButtonProps={{ 'aria-label': 'Any owner' }}
          none="No owner fits."
          data={choices(known.owners)}
          value={labels.owner}
          onChange={(owner) => change({ ...labels, owner })}
        />
      )}
      {!!known?.tags.length && (
        <SearchSelect
          aria-label="Tag"
          placeholder="Any tag"
          w={150}
          clearable
          clearButtonProps={{ 'aria-label': 'Any tag' }}
          none="No tag fits."
          data={choices(known.tags)}
          value={labels.tag}
          onChange={(tag) => change({ ...labels, tag })}
        />
      )}
    </>
  );
}
