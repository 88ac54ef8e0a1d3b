import { Button, Group, Select, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Release } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { rehearsalWords } from '../playbooks/words';
import { useMay, useMayAt } from '../shell/may';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import { isWatched, stepWords } from './words';

/** Records that are shown, the newest first. */
const SHOWN = 3;

/** Takes a release through its stages where nobody is served, and shows how that went before. */
export function Rehearsals({ release }: { release: Release }) {
  const writesSome = useMay('editor');
  const mayAt = useMayAt('editor');
  const environments = useQuery(queries.environments()).data?.items ?? [];
  const places = environments
    .map(({ document }) => document)
    .filter((one) => one.rehearsal && mayAt({ environment: one.key }));
  const [chosen, setChosen] = useState<string | null>(null);
  const place = chosen ?? places[0]?.key;
  const client = useQueryClient();
  const rehearse = useMutation({
    mutationFn: useOnce((environment: string) =>
      body(
        api.POST('/api/v1/releases/{key}/rehearse', {
          params: { path: { key: release.key } },
          body: { environment },
        }),
      ),
    ),
    onSettled: () => {
      for (const what of [['release', release.key], ['releases'], ['board'], ['history']])
        void client.invalidateQueries({ queryKey: what });
    },
  });
  const records = [...(release.rehearsals ?? [])].reverse();
  const may = writesSome && !isWatched(release);
  if (!may && records.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="rehearsals-title">
      <Group justify="space-between" gap="sm">
        <h2 id="rehearsals-title" style={{ margin: 0, fontSize: 17 }}>
          Rehearsals
        </h2>
        {may && place !== undefined && (
          <Group gap="sm">
            {places.length > 1 && (
              <Select
                size="xs"
                w={150}
                aria-label="Where it is rehearsed"
                allowDeselect={false}
                value={place}
                onChange={setChosen}
                data={places.map((one) => ({ value: one.key, label: one.name }))}
              />
            )}
            <Button
              size="xs"
              variant="default"
              loading={rehearse.isPending}
              onClick={() => rehearse.mutate(place)}
            >
              Rehearse it
            </Button>
          </Group>
        )}
      </Group>
      {may && (
        <Text size="sm" className="soft">
          {place === undefined
            ? 'No environment in which you may do so is for rehearsals yet: one whose document says "rehearsal": true, and that serves nobody.'
            : 'Each stage after the other, without waiting, and back again: nobody is served there.'}
        </Text>
      )}
      {rehearse.error && <Failed error={rehearse.error} />}
      <p role="status" className="visually-hidden">
        {rehearse.isPending ? 'It is being rehearsed.' : rehearse.data ? 'Rehearsed.' : ''}
      </p>
      {records.slice(0, SHOWN).map((record) => (
        <div key={record.at} style={{ marginTop: 8 }}>
          <Text size="sm" fw={600}>
            <Time at={record.at} />, {record.by} in {record.environment}
          </Text>
          <ul style={{ margin: '2px 0 0', paddingLeft: 18, fontSize: 14 }}>
            {record.steps.map((step) => (
              <li key={`${step.kind} ${step.stage}`}>
                {stepWords(step)}: {rehearsalWords(step)}
              </li>
            ))}
            {record.leftOut?.map((left) => (
              <li key={left}>{left}</li>
            ))}
          </ul>
        </div>
      ))}
      {records.length > SHOWN && (
        <Text size="sm" className="soft" mt={6}>
          and {records.length - SHOWN} before
        </Text>
      )}
    </section>
  );
}
