import { Alert, Button, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { SIGN_IN } from '../api/cache';
import { ApiError, api, body, type Person } from '../api/client';
import { queries } from '../api/queries';
import { refusedWords } from './refused';
import { Or, ThroughProvider } from './ThroughProvider';

/** Signs in; `again` is whose session has ended under a page that waits behind this. */
export function SignIn({ again }: { again?: Person }) {
  const [email, setEmail] = useState(again?.email ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [asksCode, setAsksCode] = useState(false);
  const [refused] = useState(() => refusedWords(location.hash));
  // It is said once, not to whoever signs in here next.
  useEffect(() => {
    if (refused) history.replaceState(history.state, '', location.pathname + location.search);
  }, [refused]);
  const client = useQueryClient();
  const means = useQuery(queries.signInMeans());
  // Where that can't be known, a password is tried.
  const { password: withPassword, provider } = means.data ?? { password: true, provider: undefined };
  useDocumentTitle('Sign in · Usher');
  const signIn = useMutation({
    mutationKey: [SIGN_IN],
    mutationFn: () =>
      body(api.POST('/api/v1/session', { body: { email, password, ...(asksCode && { code }) } })),
    onError: (error) => {
      if (needsCode(error)) setAsksCode(true);
    },
    onSuccess: (session) => {
      const others = {
        predicate: ({ queryKey }: { queryKey: readonly unknown[] }) => queryKey[0] !== 'session',
      };
      // Somebody else must not see what this person saw; the same person goes on where they were.
      if (session.user.id === again?.id) void client.invalidateQueries(others);
      else client.removeQueries(others);
      client.setQueryData(['session'], session);
    },
  });
  return (
    <main className="sign-in">
      <Paper withBorder p="xl" w="100%" maw={380}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate();
          }}
        >
          <Stack>
            <img src="/logo.svg" alt="" width={44} height={44} />
            <Title order={1} size="h3">
              Sign in to Usher
            </Title>
            {again && (
              <Text size="sm" role="status">
                Your session has ended. Sign in again and go on where you were.
              </Text>
            )}
            {refused && signIn.isIdle && (
              <Alert color="red" role="alert">
                {refused}
              </Alert>
            )}
            {signIn.error && !needsCode(signIn.error) && (
              <Alert color="red" role="alert">
                {signIn.error.message}
              </Alert>
            )}
            {provider && !asksCode && <ThroughProvider name={provider} primary={!withPassword} />}
            {provider && !asksCode && withPassword && <Or />}
            {asksCode && <Code value={code} change={setCode} />}
            {withPassword && !asksCode && (
              <>
                <TextInput
                  label="E-mail"
                  type="email"
                  autoComplete="username"
                  required
                  value={email}
                  onChange={(event) => setEmail(event.currentTarget.value)}
                />
                <PasswordInput
                  label="Password"
                  autoComplete="current-password"
                  required
                  value={password}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                />
              </>
            )}
            {withPassword && (
              <Button type="submit" loading={signIn.isPending}>
                {asksCode ? 'Go on' : 'Sign in'}
              </Button>
            )}
            {asksCode && (
              <Button
                variant="subtle"
                onClick={() => {
                  setAsksCode(false);
                  signIn.reset();
                }}
              >
                Sign in as somebody else
              </Button>
            )}
          </Stack>
        </form>
      </Paper>
    </main>
  );
}

const needsCode = (error: unknown) =>
  error instanceof ApiError && error.problem.code === 'second_factor_needed';

/** The second step: a code of the app, or one for when it is gone. */
function Code({ value, change }: { value: string; change: (code: string) => void }) {
  return (
    <TextInput
      label="Code"
      description="Of your authenticator app; or one of your recovery codes"
      autoComplete="one-time-code"
      required
      autoFocus
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
