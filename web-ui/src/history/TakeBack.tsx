import { Alert, Button, Group, SegmentedControl, Stack, Text, Textarea } from '@mantine/core';
import { skipToken, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError, AskedFor, api, body, type Change, type CommitSummary, type Restored } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { Diff } from '../flags/Diff';
import { ReachList } from '../flags/ReachList';
import { Dialog } from '../shell/Dialog';
import { useEnvironment } from '../shell/environment';
import { SearchSelect } from '../shell/SearchSelect';
import { Failed } from '../shell/states';
import { type Back, backTo, type Extent } from './back';
import { kindWords } from './words';

/** Documents whose differences are shown. */
const SHOWN = 10;

const EXTENTS: { value: Extent; label: string }[] = [
  { value: 'flag', label: 'One flag' },
  { value: 'venue', label: 'One venue' },
  { value: 'everything', label: 'Everything' },
];

/** Goes back to how things were right after a commit: a flag, a flag at one venue, or everything. */
export function TakeBack({ commit, close }: { commit: CommitSummary; close: () => void }) {
  const environment = useEnvironment();
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const named = commit.changes.find(({ kind }) => kind === 'flag')?.key ?? null;
  const [extent, setExtent] = useState<Extent>(named ? 'flag' : 'everything');
  const [flag, setFlag] = useState<string | null>(named);
  const [venue, setVenue] = useState<string | null>(null);
  const [message, setMessage] = useState('');
  const client = useQueryClient();
  const navigate = useNavigate();
  const back = backTo(commit.seq, { extent, flag, venue, environment });
  const plan = useQuery({
    queryKey: ['restore', back],
    queryFn: back
      ? () => body(api.POST('/api/v1/rollback/preview', { body: { rollback: back } }))
      : skipToken,
    retry: false,
  });
  const goBack = useMutation({
    mutationFn: useOnce(({ chosen, shown }: { chosen: Back; shown: Restored }) =>
      // No more than what was shown: what has changed since is planned anew.
      body(api.POST('/api/v1/rollback', { body: { ...chosen, message, expected: shown.expected } })),
    ),
    onSuccess: () => void client.invalidateQueries(),
    onError: (error) => {
      if (error instanceof AskedFor) void navigate({ to: '/changes/$key', params: { key: error.request } });
      return client.invalidateQueries({ queryKey: ['restore'] });
    },
  });
  const outdated = goBack.error instanceof ApiError && goBack.error.isOutdated;
  const isNothing = plan.data?.changes.length === 0;
  if (goBack.data)
    return (
      <Dialog key="done" title={`Back at commit ${commit.seq}`} close={close}>
        <ConvergenceLine seq={goBack.data.seq} />
        <Group justify="flex-end" mt="md">
          <Button onClick={close} data-autofocus>
            Close
          </Button>
        </Group>
      </Dialog>
    );
  return (
    <Dialog title={`Go back to commit ${commit.seq}`} size="xl" close={close}>
      <Stack>
        <SegmentedControl
          aria-label="How much"
          data={EXTENTS}
          value={extent}
          onChange={(value) => setExtent(value as Extent)}
        />
        {extent !== 'everything' && (
          <SearchSelect
            label="Flag"
            none="No flag is called so"
            limit={50}
            value={flag}
            onChange={setFlag}
            data={flags.map(({ document }) => ({
              value: document.key,
              label: document.name || document.key,
            }))}
          />
        )}
        {extent === 'venue' && (
          <SearchSelect
            label="Venue"
            none="No venue is called so"
            limit={50}
            value={venue}
            onChange={setVenue}
            data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
          />
        )}
        <section aria-label="What changes" aria-live="polite">
          {back && plan.isPending && <Text size="sm">Working out what changes…</Text>}
          {plan.error && <Failed error={plan.error} retry={() => plan.refetch()} />}
          {isNothing && <Text size="sm">It is as it was then already.</Text>}
          {plan.data?.details.slice(0, SHOWN).map((change) => (
            <div key={`${change.kind}/${change.key}`}>
              <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
                {kindWords(change.kind)} {change.key}, {change.action}
              </Text>
              <Diff before={change.before} after={change.after} />
            </div>
          ))}
          {(plan.data?.details.length ?? 0) > SHOWN && (
            <Text size="sm" className="soft">
              and {(plan.data?.details.length ?? 0) - SHOWN} more documents
            </Text>
          )}
        </section>
        {plan.data && !isNothing && <ReachOf changes={plan.data.changes} />}
        <Text size="sm" className="soft">
          What is killed stays killed. Accounts and keys are never brought back.
        </Text>
        <Textarea
          label="Why"
          description="Shown in the history"
          required
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
        />
        {outdated && (
          <Alert
            className="notice"
            color="yellow"
            title="Something has changed since this was worked out"
            role="alert"
          >
            <Text size="sm">
              Nothing went back. What would change now is shown above: go back if it still fits.
            </Text>
          </Alert>
        )}
        {goBack.error && !outdated && <Failed error={goBack.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it as it is
          </Button>
          <Button
            loading={goBack.isPending}
            disabled={!plan.data || isNothing || !message.trim()}
            onClick={() => back && plan.data && goBack.mutate({ chosen: back, shown: plan.data })}
          >
            Go back
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

/** Whom it would reach. */
function ReachOf({ changes }: { changes: Change[] }) {
  const reach = useQuery({
    queryKey: ['reach', changes],
    queryFn: () => body(api.POST('/api/v1/reach', { body: { changes } })),
    retry: false,
  });
  return (
    <section aria-label="Reach" aria-live="polite">
      {reach.isPending && <Text size="sm">Working out whom it reaches…</Text>}
      {reach.error && <Failed error={reach.error} retry={() => reach.refetch()} />}
      {reach.data && <ReachList reach={reach.data} />}
    </section>
  );
}
