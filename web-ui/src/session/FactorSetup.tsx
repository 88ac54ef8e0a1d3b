import { Alert, Button, Code, CopyButton, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';
import { Failed } from '../shell/states';

/** Sets up a second factor, step by step: the password, the app, and codes for when the app is gone. */
export function FactorSetup({ done }: { done: () => void }) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const begin = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/session/factor', { body: { password } }))),
  });
  const confirm = useMutation({
    mutationFn: useOnce(() => body(api.POST('/api/v1/session/factor/confirm', { body: { code } }))),
  });
  if (confirm.data) return <Recovery codes={confirm.data.recoveryCodes} done={done} />;
  if (!begin.data)
    return (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        <Stack>
          <Text size="sm">
            Besides your password you will be asked for a code that an app on your phone shows.
          </Text>
          <PasswordInput
            label="Your password, again"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            data-autofocus
          />
          {begin.error && <Failed error={begin.error} />}
          <Group justify="flex-end">
            <Button type="submit" loading={begin.isPending}>
              Go on
            </Button>
          </Group>
        </Stack>
      </form>
    );
  const { qr, secret, uri } = begin.data;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <Stack>
        <Text size="sm">Scan this with an authenticator app, or type the secret into it.</Text>
        <img
          src={`data:image/svg+xml,${encodeURIComponent(qr)}`}
          alt="QR code of the secret below"
          width={200}
          height={200}
          style={{ alignSelf: 'center', background: 'white' }}
        />
        <Code block aria-label="Secret">
          {secret}
        </Code>
        <Text size="xs">
          On this phone: <a href={uri}>open it in an app</a>.
        </Text>
        <TextInput
          label="Code that the app shows"
          inputMode="numeric"
          autoComplete="one-time-code"
          required
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {confirm.error && <Failed error={confirm.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={confirm.isPending}>
            Set up
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Recovery({ codes, done }: { codes: string[]; done: () => void }) {
  const text = codes.join('\n');
  return (
    <Stack>
      <Alert color="teal" variant="light" role="status" title="Your second factor is set up">
        <Text size="sm">
          Keep these codes where your phone is not. Each lets you in once when the app is gone, and they are
          shown this once.
        </Text>
      </Alert>
      <Code block aria-label="Recovery codes">
        {text}
      </Code>
      <Group justify="flex-end">
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button onClick={done}>I have kept them</Button>
      </Group>
    </Stack>
  );
}
