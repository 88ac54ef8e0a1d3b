import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError, type Asker, api, body } from '../api/client';
import { useOnce } from '../api/once';
import { Dialog } from '../shell/Dialog';
import { Failed } from '../shell/states';

type Props = { flag: string; close: () => void; archived: (seq: number) => void };

const ASKERS: Record<Asker['kind'], string> = {
  evaluations: 'Evaluations',
  clients: 'Connected programs',
  code: 'Code',
  flag: 'Flag',
  release: 'Release',
  playbook: 'Playbook',
  schedule: 'Schedule',
};

/** Off for good. While somebody still asks for it, that is said first, and who they are. */
export function ArchiveDialog({ flag, close, archived }: Props) {
  const [message, setMessage] = useState('');
  const client = useQueryClient();
  const archive = useMutation({
    mutationFn: useOnce((evenSo: boolean) =>
      body(
        api.POST('/api/v1/flags/{key}/archive', {
          params: { path: { key: flag } },
          body: { message, evenSo },
        }),
      ),
    ),
    onSuccess: ({ seq }) => {
      for (const key of ['flags', 'board', 'history', 'stale-flags'])
        void client.invalidateQueries({ queryKey: [key] });
      void client.invalidateQueries({ queryKey: ['flag', flag] });
      archived(seq);
    },
  });
  const { error } = archive;
  const isAsked = error instanceof ApiError && error.problem.code === 'still_asked';
  const askers = isAsked ? (error.problem.askers ?? []) : [];
  const mustGo = askers.some((one) => one.mustGo);
  return (
    <Dialog title={`Archive ${flag}`} size="lg" close={close}>
      <Stack>
        <Text size="sm">
          It is off everywhere for good, and gives its off variant. Its history stays, and it can be brought
          back from there.
        </Text>
        <Textarea
          label="Why"
          description="Shown in the history"
          required
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          data-autofocus
        />
        {isAsked && (
          <Alert className="notice" color="yellow" title="It is still asked for" role="alert">
            <ul style={{ margin: 0, paddingLeft: 18 }}>
              {askers.map((one) => (
                <li key={`${one.kind} ${one.name}`}>
                  <AskerName asker={one} /> {one.detail}
                  {one.mustGo && <b> This has to change first.</b>}
                </li>
              ))}
            </ul>
          </Alert>
        )}
        {error && !isAsked && <Failed error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button
            loading={archive.isPending}
            disabled={!message.trim() || mustGo}
            onClick={() => archive.mutate(isAsked)}
          >
            {isAsked ? 'Archive it even so' : 'Archive'}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** What asks, by its name; what has a screen can be gone to. */
function AskerName({ asker }: { asker: Asker }) {
  const name = `${ASKERS[asker.kind]} ${asker.kind === 'evaluations' || asker.kind === 'clients' ? 'in ' : ''}${asker.name}:`;
  if (asker.kind === 'flag')
    return (
      <Link to="/flags/$key" params={{ key: asker.name }} className="plain-link">
        {name}
      </Link>
    );
  if (asker.kind === 'release')
    return (
      <Link to="/releases/$key" params={{ key: asker.name }} className="plain-link">
        {name}
      </Link>
    );
  return <b>{name}</b>;
}
