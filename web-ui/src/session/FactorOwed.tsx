import { Button, Paper, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { Failed } from '../shell/states';
import { FactorSetup } from './FactorSetup';
import { useSignOut } from './signOut';

/** What administrators see who have to have a second factor and have none yet. */
export function FactorOwed({ done }: { done: () => void }) {
  useDocumentTitle('Second factor · Usher');
  const signOut = useSignOut();
  return (
    <main className="sign-in">
      <Paper withBorder p="xl" w="100%" maw={440}>
        <Stack>
          <Title order={1} size="h3">
            Set up a second factor
          </Title>
          <Text size="sm">Administrators need one here before they go on.</Text>
          <FactorSetup done={done} />
          {signOut.error && <Failed what="Signing out" error={signOut.error} />}
          <Button variant="subtle" loading={signOut.isPending} onClick={() => signOut.mutate()}>
            Sign out
          </Button>
        </Stack>
      </Paper>
    </main>
  );
}
