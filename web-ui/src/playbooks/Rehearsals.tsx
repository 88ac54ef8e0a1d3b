import { Button, Group, Select, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Playbook } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import { rehearsalWords } from './words';

/** Records that are shown, the newest first. */
const SHOWN = 3;

/** Runs a playbook where nobody is served, and shows how that went before. */
export function Rehearsals({ playbook }: { playbook: Playbook }) {
  const of = useEnvironment();
  const environments = useQuery(queries.environments()).data?.items ?? [];
  const places = environments.map(({ document }) => document).filter((one) => one.rehearsal);
  const [chosen, setChosen] = useState<string | null>(null);
  const place = chosen ?? places[0]?.key;
  const may = useMay('editor');
  const [all, setAll] = useState(false);
  const client = useQueryClient();
  const rehearse = useMutation({
    mutationFn: useOnce((environment: string) =>
      body(
        api.POST('/api/v1/playbooks/{key}/rehearse', {
          params: { path: { key: playbook.key } },
          body: { of, environment },
        }),
      ),
    ),
    onSuccess: () => {
      for (const what of ['playbooks', 'board', 'history'])
        void client.invalidateQueries({ queryKey: [what] });
    },
  });
  const records = [...(playbook.rehearsals ?? [])].reverse();
  const name = playbook.name || playbook.key;
  return (
    <div>
      <Group gap="sm">
        <Text size="sm" fw={600}>
          {records.length === 0
            ? 'Never rehearsed.'
            : `Rehearsed ${records.length === 1 ? 'once' : `${records.length} times`}.`}
        </Text>
        {may && places.length > 1 && (
          <Select
            size="xs"
            w={150}
            aria-label={`Where ${name} is rehearsed`}
            allowDeselect={false}
            value={place ?? null}
            onChange={setChosen}
            data={places.map((one) => ({ value: one.key, label: one.name }))}
          />
        )}
        {may && place !== undefined && (
          <Button
            size="xs"
            variant="default"
            aria-label={`Rehearse ${name}`}
            loading={rehearse.isPending}
            onClick={() => rehearse.mutate(place)}
          >
            Rehearse as in {of}
          </Button>
        )}
      </Group>
      {may && place === undefined && (
        <Text size="sm" className="soft">
          No environment is for rehearsals yet: one whose document says "rehearsal": true, and that serves
          nobody.
        </Text>
      )}
      {rehearse.error && <Failed error={rehearse.error} />}
      {rehearse.data && (
        <p role="status" className={rehearse.data.leftOut.length ? 'soft' : 'visually-hidden'}>
          Rehearsed. {rehearse.data.leftOut.join(' ')}
        </p>
      )}
      <ul style={{ margin: '4px 0 0', paddingLeft: 18, fontSize: 14 }}>
        {records.slice(0, all ? undefined : SHOWN).map((one) => (
          <li key={one.at}>
            <Time at={one.at} />, {one.by} in {one.environment}: {rehearsalWords(one)}
          </li>
        ))}
      </ul>
      {records.length > SHOWN && !all && (
        <Button
          size="xs"
          mt={4}
          variant="subtle"
          aria-label={`Earlier rehearsals of ${name}`}
          onClick={() => setAll(true)}
        >
          {records.length - SHOWN} earlier
        </Button>
      )}
    </div>
  );
}
