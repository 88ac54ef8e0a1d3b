import { Alert, Button, Group, Modal, Stack, Tabs, Text, Textarea } from '@mantine/core';
import { lazy, Suspense, useState, useSyncExternalStore } from 'react';
import { asHeader, glass, type Held } from './glass';
import { useMay } from './may';
import { plainly } from './plainly';
import { Loading } from './states';

const AskForm = lazy(() => import('../changes/AskForm').then((own) => ({ default: own.AskForm })));

/**
 * Says what forbids a change: a freeze, or an environment where somebody else looks at it first. With a reason it goes
 * through all the same; what is to be looked at can be asked for. Wherever the change was wanted: what waits for its
 * answer goes on as if nothing had been in the way.
 */
export function GlassDialog() {
  const [held] = useSyncExternalStore(glass.subscribe, glass.waiting);
  const [last, setLast] = useState('');
  if (!held) return null;
  const isFrozen = held.problem.code !== 'approval_needed';
  return (
    <Modal
      key={held.id}
      opened
      onClose={() => held.answer(undefined)}
      title={isFrozen ? 'This is frozen' : 'Somebody else looks at this first'}
      closeOnClickOutside={false}
      transitionProps={{ duration: 0 }}
      zIndex={400}
    >
      <Stack>
        <Alert className="notice" color="yellow" title="Nothing has been changed">
          <Text size="sm">{ownWords(held.problem.detail)}</Text>
        </Alert>
        {held.wish ? (
          <Ways held={held} last={last} said={setLast} />
        ) : (
          <Break held={held} before={last} said={setLast} />
        )}
      </Stack>
    </Modal>
  );
}

/** Asking comes first; breaking the glass is there for what can't wait. */
function Ways({ held, last, said }: { held: Held; last: string; said: (reason: string) => void }) {
  const mayAsk = useMay('editor');
  if (!held.wish) return null;
  if (!mayAsk)
    return (
      <>
        <Text size="sm" className="soft">
          Asking for it needs an editor.
        </Text>
        <Break held={held} before={last} said={said} />
      </>
    );
  return (
    <Tabs defaultValue="ask" keepMounted={false}>
      <Tabs.List grow mb="md">
        <Tabs.Tab value="ask">Ask for it</Tabs.Tab>
        <Tabs.Tab value="break">It can’t wait</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="ask">
        <Suspense fallback={<Loading what="the form" />}>
          <AskForm
            wish={held.wish}
            leave={() => held.answer(undefined)}
            asked={(asked) => held.answer({ asked })}
          />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="break">
        <Break held={held} before={last} said={said} />
      </Tabs.Panel>
    </Tabs>
  );
}

/** Goes through with a reason. */
function Break({ held, before, said }: { held: Held; before: string; said: (reason: string) => void }) {
  const [reason, setReason] = useState(before);
  const { text, problem } = asHeader(reason);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        if (!text || problem) return;
        said(reason);
        held.answer({ reason: text });
      }}
    >
      <Stack>
        <Text size="sm">
          If it can’t wait, break the glass: it is done now, and the history shows who did it and why.
        </Text>
        <Textarea
          label="Why it can’t wait"
          required
          value={reason}
          error={problem}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => held.answer(undefined)}>
            Leave it as it is
          </Button>
          <Button type="submit" color="red.9" disabled={!text || problem !== undefined}>
            Break the glass
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What the server says without the part for programs. */
function ownWords(detail: string | undefined): string {
  return plainly(
    (detail ?? 'It is forbidden now.').replace(/ (?:Wait, or send|Open a change request \() ?`.*$/s, ''),
  );
}
