import { Button, CloseButton, Group, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { ApiError, api, body } from '../api/client';
import { useOnce } from '../api/once';
import { done } from './done';
import { plainly } from './plainly';

/** How long it is offered, unless somebody is at it. */
const OFFERED_MS = 15_000;

/** Takes back what was changed last, from whatever screen. */
export function UndoToast() {
  const last = useSyncExternalStore(done.subscribe, done.last);
  return (
    <section aria-label="Last change" aria-live="polite" className="undo-place">
      {last !== undefined && <Offer key={last} seq={last} />}
    </section>
  );
}

function Offer({ seq }: { seq: number }) {
  const client = useQueryClient();
  const [isHeld, setHeld] = useState(false);
  const undo = useMutation({
    mutationFn: useOnce(() =>
      body(
        api.POST('/api/v1/commits/{seq}/undo', {
          params: { path: { seq } },
          body: { force: false, message: null },
        }),
      ),
    ),
    onSuccess: () => void client.invalidateQueries(),
  });
  const stays = isHeld || undo.isPending || undo.isError;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(done.forget, OFFERED_MS);
    return () => clearTimeout(timer);
  }, [stays]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays while somebody is at it
    <div
      className="undo-toast"
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {undo.error ? plainly(undo.error.message) : `Last change: commit ${seq}`}
      </Text>
      <Group gap="xs" wrap="nowrap">
        {undo.error ? (
          <Button
            size="xs"
            variant="default"
            renderRoot={(props) => <Link to="/history" {...props} onClick={done.forget} />}
          >
            {undo.error instanceof ApiError && undo.error.status === 409
              ? 'See what changed since'
              : 'History'}
          </Button>
        ) : (
          <Button size="xs" variant="default" loading={undo.isPending} onClick={() => undo.mutate()}>
            Undo
          </Button>
        )}
        <CloseButton aria-label="Leave it" onClick={done.forget} />
      </Group>
    </div>
  );
}
