import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ChangeRequestView, Person } from '../api/client';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { plainly } from '../shell/plainly';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import { useDecide } from './actions';
import classes from './changes.module.css';
import { EditRequest } from './EditRequest';
import { approvalWords, isAuthor, mayNotApprove, mayNotDecide } from './words';

/** What it lacks, and what this person may do about it. What they may not is said, not offered. */
export function Decide({ view, me }: { view: ChangeRequestView; me: Person }) {
  const { document: request, standing, version } = view;
  const [message, setMessage] = useState('');
  const [editing, setEditing] = useState(false);
  const act = useDecide(request.key);
  const isOpen = request.status === 'open';
  const [noApproval, noDecision] = [mayNotApprove(request, me), mayNotDecide(request, me)];
  const run = (step: 'merge' | 'close') =>
    act.mutate({ step, message: message.trim() }, { onSuccess: () => setMessage('') });
  const taken = act.variables?.step;
  return (
    <section className="panel" aria-labelledby="decide-title">
      <h2 id="decide-title">
        {isOpen ? approvalWords(standing) : request.status === 'merged' ? 'It was made' : 'It was closed'}
      </h2>
      {request.approvals?.map(({ by, at }) => (
        <Text size="sm" key={by.id}>
          {by.name} approved it, <Time at={at} />
          {!standing.approvedBy.includes(by.name) && isOpen && ': it counts no more'}
        </Text>
      ))}
      {isOpen && (
        <Stack gap="sm" mt="xs">
          {standing.reasons.length > 0 && (
            <ul className={classes.plain} aria-label="What it lacks">
              {standing.reasons.map((reason) => (
                <li key={reason}>{plainly(reason)}</li>
              ))}
            </ul>
          )}
          {standing.mayMerge && <Text size="sm">Nothing is in its way.</Text>}
          {[...new Set([noApproval, noDecision])].map(
            (reason) =>
              reason && (
                <Text size="sm" className="soft" key={reason}>
                  {reason}
                </Text>
              ),
          )}
          {noDecision === undefined && (
            <Group gap="sm" align="flex-end">
              {noApproval === undefined && (
                <Button
                  loading={act.isPending && taken === 'approve'}
                  disabled={act.isPending}
                  variant={standing.mayMerge ? 'default' : 'filled'}
                  onClick={() => act.mutate({ step: 'approve', version })}
                >
                  Approve
                </Button>
              )}
              <TextInput
                aria-label="Why it is made or closed"
                placeholder="Why, for the history"
                value={message}
                onChange={(event) => setMessage(event.currentTarget.value)}
              />
              {standing.mayMerge && (
                <Button
                  loading={act.isPending && taken === 'merge'}
                  disabled={act.isPending}
                  onClick={() => run('merge')}
                >
                  Make it
                </Button>
              )}
              <Button
                variant="default"
                loading={act.isPending && taken === 'close'}
                disabled={act.isPending}
                onClick={() => run('close')}
              >
                Close it
              </Button>
              {isAuthor(request, me) && (
                <Button variant="default" disabled={act.isPending} onClick={() => setEditing(true)}>
                  Edit
                </Button>
              )}
            </Group>
          )}
        </Stack>
      )}
      {act.error && <Failed error={act.error} />}
      {act.data?.step === 'merge' && <ConvergenceLine seq={act.data.seq} />}
      {editing && isOpen && (
        <EditRequest request={request} version={version} close={() => setEditing(false)} />
      )}
    </section>
  );
}
