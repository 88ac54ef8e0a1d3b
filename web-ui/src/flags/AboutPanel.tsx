import { Autocomplete, Group, Select, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Flag } from '../api/client';
import { queries } from '../api/queries';

type Props = { flag: Flag; edit: (change: (flag: Flag) => Flag) => void };

/** Tags of one flag, as the server has it. */
const MOST_TAGS = 64;

/** Who answers for a flag, what it is filed under, how long it is meant to live, and which apps get it. */
export function AboutPanel({ flag, edit }: Props) {
  const known = useQuery(queries.flagLabels()).data;
  const names = (all: readonly { name: string }[] | undefined) => (all ?? []).map(({ name }) => name);
  return (
    <section className="panel" aria-labelledby="about-title">
      <h2 id="about-title">Owner, tags, lifetime and apps</h2>
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
        <Select
          label="Apps that get it"
          description="Older ones get the off variant"
          w={210}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDeselect={false}
          data={[
            { value: '1', label: 'All' },
            { value: '2', label: 'Payload schema 2 and later' },
          ]}
          value={String(flag.minimumSchema ?? 1)}
          onChange={(chosen) => {
            const minimumSchema = Number(chosen) > 1 ? Number(chosen) : undefined;
            edit((before) => ({ ...before, minimumSchema }));
          }}
        />
      </Group>
    </section>
  );
}
