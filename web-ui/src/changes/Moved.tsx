import { Alert, Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ApiError, api, body, type ChangeRequestView, type Flag, type Person } from '../api/client';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './changes.module.css';
import { over, useRewrite } from './rewrite';
import { isAuthor } from './words';

/** What has changed since its author looked, and how they go on. */
export function Moved({ view, me }: { view: ChangeRequestView; me: Person }) {
  const { conflicts, document: request } = view;
  if (conflicts.length === 0) return null;
  return (
    <Alert className="notice" color="yellow" title="It has moved since this was asked for" role="alert">
      <ul className={classes.plain}>
        {conflicts.map((one) => (
          <li key={one.document}>
            {one.document.replace('/', ' ')}:{' '}
            {one.version === 0 ? (
              'it is gone'
            ) : (
              <>
                {one.by} changed it in commit {one.version}
                {one.at && (
                  <>
                    , <Time at={one.at} seconds />
                  </>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
      {isAuthor(request, me) ? (
        <Again key={conflicts.map(({ version }) => version).join()} view={view} />
      ) : (
        <Text size="sm">{request.author.name} has to look at it again.</Text>
      )}
    </Alert>
  );
}

/** Puts the change onto what there is now, so that what somebody else did is not undone by it. */
function Again({ view }: { view: ChangeRequestView }) {
  const { document: request, version, conflicts } = view;
  const rewrite = useRewrite(() => undefined);
  const apart = useQuery({
    queryKey: ['apart', request.key, version, conflicts],
    queryFn: () => Promise.all(conflicts.map(partOf)),
    retry: false,
  });
  const clashes: string[] = [];
  const changes = request.changes.map((change) => {
    const own = (change.put ?? change.delete) as { kind?: string; key?: string } | undefined;
    const found = apart.data?.find(({ document }) => document === `${own?.kind}/${own?.key}`);
    if (!found) return change;
    const next = over(change, found);
    clashes.push(...next.clashes);
    return next.change;
  });
  const now = Object.fromEntries(conflicts.map((one) => [one.document, one.version]));
  return (
    <>
      <Text size="sm">
        Ask for your change over what there is now. What others changed meanwhile stays
        {clashes.length > 0 &&
          `, but for what both of you changed, where yours is kept: ${clashes.map((path) => path.replace('environments.', '')).join(', ')}`}
        . Whoever has approved it has to do so again.
      </Text>
      {apart.error && <Failed error={apart.error} retry={() => apart.refetch()} />}
      {rewrite.error && <Failed error={rewrite.error} />}
      <Button
        size="xs"
        mt="xs"
        variant="default"
        disabled={!apart.data}
        loading={rewrite.isPending}
        onClick={() =>
          rewrite.mutate({ request, version, part: { changes, expected: { ...request.expected, ...now } } })
        }
      >
        Ask for it over what there is now
      </Button>
    </>
  );
}

type Conflict = ChangeRequestView['conflicts'][number];

/** A flag as it was seen and as it is; of other documents, which are taken whole, nothing. */
async function partOf({ document, expected, version }: Conflict) {
  const [kind, ...rest] = document.split('/');
  const key = rest.join('/');
  const flagAt = async (seq: number): Promise<Flag | undefined> => {
    if (kind !== 'flag' || seq === 0) return undefined;
    const query = { at: String(seq) };
    try {
      return await body(api.GET('/api/v1/flags/{key}', { params: { path: { key }, query } }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  };
  const [base, theirs] = await Promise.all([flagAt(expected), flagAt(version)]);
  return { document, base, theirs };
}
