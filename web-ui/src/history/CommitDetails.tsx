import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, api, body } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { Diff } from '../flags/Diff';
import { useMay } from '../shell/may';
import { Failed, Loading } from '../shell/states';
import { kindWords } from './words';

/** Documents whose differences are shown. */
const SHOWN = 10;

/** What a commit changed, and a way back. */
export function CommitDetails({ seq }: { seq: number }) {
  const commit = useQuery(queries.commit(seq));
  const client = useQueryClient();
  const mayUndo = useMay('operator');
  const undo = useMutation({
    mutationFn: useOnce((force: boolean) =>
      body(
        api.POST('/api/v1/commits/{seq}/undo', { params: { path: { seq } }, body: { force, message: null } }),
      ),
    ),
    onSuccess: () => {
      for (const key of ['history', 'board', 'flags', 'flag'])
        void client.invalidateQueries({ queryKey: [key] });
    },
  });
  if (commit.isPending) return <Loading what="the commit" />;
  if (commit.error) return <Failed error={commit.error} retry={() => commit.refetch()} />;
  const conflict = undo.error instanceof ApiError && undo.error.status === 409;
  return (
    <Stack gap="sm" mt="sm">
      {commit.data.changes.slice(0, SHOWN).map((change) => (
        <div key={`${change.kind}/${change.key}`}>
          <Text size="sm" fw={600}>
            {kindWords(change.kind)} {change.key}, {change.action}
          </Text>
          <Diff before={change.before} after={change.after} />
        </div>
      ))}
      {commit.data.changes.length > SHOWN && (
        <Text size="sm" className="soft">
          and {commit.data.changes.length - SHOWN} more documents
        </Text>
      )}
      {undo.data ? (
        <div>
          <Text size="sm" role="status">
            Undone in commit {undo.data.seq}.
          </Text>
          <ConvergenceLine seq={undo.data.seq} />
        </div>
      ) : (
        mayUndo && (
          <Group>
            <Button size="xs" variant="default" loading={undo.isPending} onClick={() => undo.mutate(false)}>
              Undo this commit
            </Button>
          </Group>
        )
      )}
      {conflict && (
        <Alert className="notice" color="yellow" title="It has been changed since" role="alert">
          <Text size="sm">{undo.error?.message}</Text>
          <Button size="xs" mt="xs" variant="default" onClick={() => undo.mutate(true)}>
            Undo all the same
          </Button>
        </Alert>
      )}
      {undo.error && !conflict && <Failed error={undo.error} />}
    </Stack>
  );
}
