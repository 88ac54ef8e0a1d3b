import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import type { Invited } from '../api/client';
import { Time } from '../shell/Time';

/** The link of somebody who was invited, shown once. */
export function InvitedNote({ invited, done }: { invited: Invited; done: () => void }) {
  const link = `${location.origin}${invited.link}`;
  return (
    <Alert color="teal" variant="light" role="status" my="sm" title={`A link for ${invited.account.name}`}>
      <Stack gap="xs">
        <Text size="sm">
          Whoever has it sets the password, once, until <Time at={invited.expiresAt} />. It is shown this
          once.
        </Text>
        <Code block aria-label="Link" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {link}
        </Code>
        <Group>
          <CopyButton value={link}>
            {({ copied, copy }) => (
              <Button size="xs" variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button size="xs" onClick={done}>
            I have sent it
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
