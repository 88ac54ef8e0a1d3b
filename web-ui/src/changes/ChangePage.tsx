import { Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ChangeRequestView, Person } from '../api/client';
import { queries } from '../api/queries';
import { WhenWords } from '../calendar/WhenWords';
import { Diff } from '../flags/Diff';
import { ReachList } from '../flags/ReachList';
import { kindWords } from '../history/words';
import { plainly } from '../shell/plainly';
import { Failed, Head, Loading } from '../shell/states';
import { Time } from '../shell/Time';
import { Comments } from './Comments';
import classes from './changes.module.css';
import { Decide } from './Decide';
import { Moved } from './Moved';
import { stateOf, touched } from './words';

export function ChangePage() {
  const { key } = useParams({ from: '/changes/$key' });
  const found = useQuery(queries.change(key));
  const me = useQuery(queries.session()).data?.user;
  const failed = found.error && <Failed error={found.error} retry={() => found.refetch()} />;
  if (found.isPending || !me) return <Loading what="the change request" />;
  if (!found.data) return failed;
  return (
    <>
      {failed}
      <Shown key={key} view={found.data} me={me} />
    </>
  );
}

function Shown({ view, me }: { view: ChangeRequestView; me: Person }) {
  const { document: request, standing, reach } = view;
  const state = stateOf(request, standing);
  return (
    <>
      <Head title={request.title}>
        <span className="chip" data-tone={state.tone} data-testid="status">
          {state.word}
        </span>
      </Head>
      <Group gap="xs" mb="md">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {request.key}
        </Text>
        <Text size="sm">
          {request.author.name} {request.status === 'open' ? 'asks for it since' : 'asked for it'}{' '}
          <Time at={request.opened} />
        </Text>
      </Group>
      <Stack gap="md">
        {(request.message || request.applyAt !== undefined) && (
          <section className="panel" aria-label="Why, and when">
            {request.message && (
              <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {request.message}
              </Text>
            )}
            {request.applyAt !== undefined && request.status === 'open' && (
              <Text size="sm" mt={request.message ? 6 : 0}>
                Once it is approved it is made by itself: <WhenWords when={request.applyAt} due={view.due} />
              </Text>
            )}
          </section>
        )}
        {request.outcome && (
          <section className="panel" aria-label="What became of it">
            <Text size="sm" fw={600}>
              {request.outcome.result === 'done' ? 'Made by itself' : 'Could not be made by itself'},{' '}
              <Time at={request.outcome.at} />
            </Text>
            {request.outcome.reasons?.map((reason) => (
              <Text size="sm" key={reason}>
                {plainly(reason)}
              </Text>
            ))}
          </section>
        )}
        <Moved view={view} me={me} />
        <Decide view={view} me={me} />
        <section className="panel" aria-labelledby="diff-title">
          <h2 id="diff-title">What changes</h2>
          {request.status === 'open' ? (
            view.diff.map((change) => (
              <div key={`${change.kind}/${change.key}`}>
                <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
                  {kindWords(change.kind)} {change.key}, {change.action}
                </Text>
                <Diff before={change.before} after={change.after} />
              </div>
            ))
          ) : (
            <>
              <ul className={classes.plain}>
                {touched(request.changes).map((own) => (
                  <li key={own}>{own}</li>
                ))}
              </ul>
              {request.status === 'merged' && (
                <Link to="/history" search={{}} className="plain-link">
                  The history shows what it changed
                </Link>
              )}
            </>
          )}
        </section>
        {reach && (
          <section className="panel" aria-labelledby="reach-title">
            <h2 id="reach-title">Whom it reaches</h2>
            <ReachList reach={reach} />
          </section>
        )}
        <Comments request={request} />
      </Stack>
    </>
  );
}
