import { Alert, Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError, AskedFor } from '../api/client';

/** Something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <Group p="xl" gap="sm" role="status">
      <Loader size="sm" />
      <Text className="soft">Loading {what}…</Text>
    </Group>
  );
}

/** There is nothing, and why. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="panel soft">{children}</p>;
}

/** It was not done, but a change request asks for it. */
export function Asked({ request, what }: { request: string; what?: string }) {
  return (
    <Alert
      color="teal"
      variant="light"
      title={what ? `${what}: asked for` : 'Asked for'}
      my="sm"
      role="status"
    >
      <Text size="sm">
        Nothing has been changed yet. Somebody else looks at{' '}
        <Link to="/changes/$key" params={{ key: request }} className="plain-link">
          change request {request}
        </Link>{' '}
        first.
      </Text>
    </Alert>
  );
}

/** It did not work: what, what the server says, and a way on. */
export function Failed({ error, retry, what }: { error: unknown; retry?: () => void; what?: string }) {
  if (error instanceof AskedFor) return <Asked request={error.request} what={what} />;
  const refused = error instanceof ApiError ? error : undefined;
  const title = !refused
    ? 'The server can’t be reached'
    : refused.status === 401
      ? 'You are signed out'
      : refused.status === 403
        ? 'You may not do this'
        : refused.status >= 500
          ? 'The server has a problem'
          : 'The server says no';
  // What a browser says when nobody answers tells people nothing.
  const text = refused
    ? refused.message
    : error instanceof TypeError
      ? 'No answer came. It may have been done all the same: see before you do it again.'
      : String(error);
  return (
    <Alert
      color="red"
      variant="light"
      title={what ? `${what}: ${title.toLowerCase()}` : title}
      my="sm"
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        {/* The fields say all of it. */}
        {!refused?.problem.errors?.length && <Text size="sm">{text}</Text>}
        {refused?.problem.errors?.map((one) => (
          <Text size="sm" key={one.field}>
            <b>{one.field}</b>: {one.detail}. {one.mend}
          </Text>
        ))}
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** The head of a screen, and the title of its tab. */
export function Head({ title, children, about }: { title: string; about?: ReactNode; children?: ReactNode }) {
  useDocumentTitle(`${title} · Usher`);
  return (
    <Group justify="space-between" align="flex-end" mb="md" gap="sm">
      <div style={{ minWidth: 0 }}>
        <h1 style={{ margin: 0, fontSize: 24, overflowWrap: 'anywhere' }}>{title}</h1>
        {about && (
          <Text size="sm" className="soft">
            {about}
          </Text>
        )}
      </div>
      {/* Some fields have a line below them. */}
      <Group gap="sm" align="flex-start">
        {children}
      </Group>
    </Group>
  );
}

/** A table that scrolls sideways where it must; a region of its own, so that the keyboard can scroll it too. */
export function Table({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="table-scroll" aria-label={label} tabIndex={0}>
      <table className="plain-table">{children}</table>
    </section>
  );
}
