import { Alert, Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState, useSyncExternalStore } from 'react';
import { asHeader, glass, type Held } from './glass';
import { plainly } from './plainly';

/**
 * Says which freeze forbids a change, and lets it through with a reason. Wherever the change was asked for: what waits
 * for its answer goes on as if nothing had been in the way.
 */
export function GlassDialog() {
  const [held] = useSyncExternalStore(glass.subscribe, glass.waiting);
  const [last, setLast] = useState('');
  if (!held) return null;
  return <Ask key={held.problem.detail} held={held} before={last} said={setLast} />;
}

function Ask({ held, before, said }: { held: Held; before: string; said: (reason: string) => void }) {
  const [reason, setReason] = useState(before);
  const { text, problem } = asHeader(reason);
  const leave = () => held.answer(undefined);
  return (
    <Modal
      opened
      onClose={leave}
      title="This is frozen"
      closeOnClickOutside={false}
      transitionProps={{ duration: 0 }}
      zIndex={400}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          event.stopPropagation();
          if (!text || problem) return;
          said(reason);
          held.answer(text);
        }}
      >
        <Stack>
          <Alert className="notice" color="yellow" title="Nothing has been changed">
            <Text size="sm">{windowWords(held.problem.detail)}</Text>
          </Alert>
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
            <Button variant="default" onClick={leave}>
              Leave it as it is
            </Button>
            <Button type="submit" color="red" disabled={!text || problem !== undefined}>
              Break the glass
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What the server says without the part for programs. */
function windowWords(detail: string | undefined): string {
  return plainly(
    (detail ?? 'A freeze forbids it now.').replace(/ Wait, or send `Usher-Break-Glass`.*$/s, ''),
  );
}
