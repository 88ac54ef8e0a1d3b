import { Alert, Button, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { SIGN_IN } from '../api/cache';
import { api, body } from '../api/client';

/** Where the link of an invitation leads: sets the first password of whoever was invited. The secret is behind `#`, which no server is sent. */
export function AcceptInvitation() {
  const [invitation] = useState(() => location.hash.slice(1));
  const [password, setPassword] = useState('');
  useDocumentTitle('Invitation · Usher');
  const accept = useMutation({
    mutationKey: [SIGN_IN],
    mutationFn: () => body(api.POST('/api/v1/invitations/accept', { body: { invitation, password } })),
    // Loaded anew: whoever was signed in here before is not any more.
    onSuccess: () => location.replace('/'),
  });
  return (
    <main className="sign-in">
      <Paper withBorder p="xl" w="100%" maw={380}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            accept.mutate();
          }}
        >
          <Stack>
            <img src="/logo.svg" alt="" width={44} height={44} />
            <Title order={1} size="h3">
              You are invited to Usher
            </Title>
            <Text size="sm">Choose a password, and you are signed in.</Text>
            {accept.error && (
              <Alert color="red" role="alert">
                {accept.error.message}
              </Alert>
            )}
            <PasswordInput
              label="Password"
              description="Ten characters or more"
              autoComplete="new-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" loading={accept.isPending || accept.isSuccess}>
              Set it and sign in
            </Button>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}
