import { Autocomplete, Group, Select, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Flag } from '../api/client';
import { queries } from '../api/queries';

type Props = { flag: Flag; edit: (change: (flag: Flag) => Flag) => void };

/** Tags of one flag, as the server has it. */
const MOST_TAGS = 64;

/** Who answers for a flag, what it is filed under, and how long it is meant to live. */
export function AboutPanel({ flag, edit }: Props) {
  const known = useQuery(queries.flagLabels()).data;
  const names = (all: readonly { name: string }[] | undefined) => (all ?? []).map(({ name }) => name);
  return (
    <section className="panel" aria-labelledby="about-title">
      <h2 id="about-title">Owner, tags and lifetime</h2>
      <Group align="flex-start" gap="sm">
        <Autocomplete
          label="Owner"
          w={200}
          limit={20}
          data={names(known?.owners)}
          value={flag.owner ?? ''}
          onChange={(owner) => edit((before) => ({ ...before, owner: owner || undefined }))}
        />
        <TagsInput
          label="Tags"
          description="Enter adds one"
          style={{ flex: '1 1 220px', minWidth: 0 }}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          maxTags={MOST_TAGS}
          limit={20}
          data={names(known?.tags)}
          value={flag.tags ?? []}
          onChange={(tags) => edit((before) => ({ ...before, tags }))}
        />
        <Select
          label="Lifetime"
          w={190}
          allowDeselect={false}
          data={[
            { value: 'temporary', label: 'Temporary' },
            { value: 'permanent', label: 'Permanent' },
          ]}
          value={flag.lifecycle ?? 'temporary'}
          onChange={(lifecycle) =>
            edit((before) => ({ ...before, lifecycle: (lifecycle ?? undefined) as Flag['lifecycle'] }))
          }
        />
        <TextInput
          type="date"
          label="To be gone by"
          w={170}
          value={flag.expires ?? ''}
          onChange={(event) => {
            const expires = event.currentTarget.value || undefined;
            edit((before) => ({ ...before, expires }));
          }}
        />
      </Group>
    </section>
  );
}
