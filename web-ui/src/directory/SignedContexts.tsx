import { Button } from '@mantine/core';
import type { Key } from '../api/client';

/** Says whether phones with a client key must show a context that a backend has signed. */
export function SignedContexts({
  of: key,
  pending,
  change,
}: {
  of: Key;
  pending: boolean;
  change: (signedContexts: string) => void;
}) {
  const required = key.signedContexts === 'required';
  return (
    <Button
      size="xs"
      variant="default"
      aria-label={`${required ? 'Take unsigned contexts with' : 'Require signed contexts with'} ${key.name}`}
      disabled={pending}
      onClick={() => change(required ? 'optional' : 'required')}
    >
      {required ? 'Take unsigned' : 'Require signed'}
    </Button>
  );
}
