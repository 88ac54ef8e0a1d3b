import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, type OpenSession } from '../api/client';
import { queries } from '../api/queries';
import { Dialog } from '../shell/Dialog';
import { Empty, Failed, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';
import { browserWords } from './browsers';

type Props = {
  /** Whose they are; one's own without. */
  of?: { key: string; name: string };
  close: () => void;
};

/** Where somebody is signed in, to be ended. */
export function SessionsDialog({ of, close }: Props) {
  const sessions = useQuery(queries.sessions(of?.key));
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: (id?: string) => {
      if (id) return api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } });
      if (of) return api.DELETE('/api/v1/users/{key}/sessions', { params: { path: { key: of.key } } });
      return api.DELETE('/api/v1/sessions', { params: { query: { keepThis: true } } });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  });
  const items = sessions.data?.items ?? [];
  const others = items.filter((session) => of || !session.isThis).length;
  return (
    <Dialog title={of ? `Sessions of ${of.name}` : 'Your sessions'} size="xl" close={close}>
      <Stack>
        {sessions.isPending && <Loading what="sessions" />}
        {sessions.error && <Failed error={sessions.error} retry={() => sessions.refetch()} />}
        {end.error && <Failed error={end.error} />}
        {sessions.data && items.length === 0 && <Empty>Not signed in anywhere.</Empty>}
        {items.length > 0 && (
          <Table label="Sessions">
            <thead>
              <tr>
                <th scope="col">Browser</th>
                <th scope="col">Signed in</th>
                <th scope="col">Last used</th>
                <th scope="col">
                  <span className="visually-hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((session) => (
                <Row key={session.id} session={session} end={() => end.mutate(session.id)} />
              ))}
            </tbody>
          </Table>
        )}
        {others > 0 && (
          <Group justify="flex-end">
            <Button variant="default" loading={end.isPending} onClick={() => end.mutate(undefined)}>
              {of ? 'End all' : 'End all others'}
            </Button>
          </Group>
        )}
      </Stack>
    </Dialog>
  );
}

function Row({ session, end }: { session: OpenSession; end: () => void }) {
  const words = browserWords(session.agent);
  return (
    <tr>
      <td title={session.agent}>
        {words}
        <Text size="xs" className="soft">
          {session.address}
        </Text>
      </td>
      <td>
        <Time at={session.madeAt} />
      </td>
      <td>
        <Time at={session.lastUsedAt} />
      </td>
      <td>
        <Group justify="flex-end">
          {session.isThis ? (
            <span className="chip" data-tone="on">
              This one
            </span>
          ) : (
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`End the session of ${words} at ${session.address}`}
              onClick={end}
            >
              End
            </Button>
          )}
        </Group>
      </td>
    </tr>
  );
}
