import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { api } from '../api/client';

const SessionsDialog = lazy(() =>
  import('../session/SessionsDialog').then((module) => ({ default: module.SessionsDialog })),
);

export function PersonMenu({ name, role }: { name: string; role: string }) {
  const { setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const [asked, setAsked] = useState<'sessions'>();
  const signOut = async () => {
    await api.DELETE('/api/v1/session');
    client.clear();
    location.assign('/');
  };
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="default" size="lg" radius="xl" aria-label={`Account of ${name}`}>
            {name.slice(0, 1).toUpperCase()}
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {name}, {role}
          </Menu.Label>
          <Menu.Item onClick={() => setColorScheme('light')}>Light colours</Menu.Item>
          <Menu.Item onClick={() => setColorScheme('dark')}>Dark colours</Menu.Item>
          <Menu.Item onClick={() => setColorScheme('auto')}>Colours of the system</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={() => setAsked('sessions')}>Your sessions</Menu.Item>
          <Menu.Item onClick={signOut}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked === 'sessions' && (
        <Suspense>
          <SessionsDialog close={() => setAsked(undefined)} />
        </Suspense>
      )}
    </>
  );
}
