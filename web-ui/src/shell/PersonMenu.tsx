import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import type { Person } from '../api/client';
import { useSignOut } from '../session/signOut';
import { Dialog } from './Dialog';
import { Failed } from './states';

const SessionsDialog = lazy(() =>
  import('../session/SessionsDialog').then((module) => ({ default: module.SessionsDialog })),
);
const FactorDialog = lazy(() =>
  import('../session/FactorDialog').then((module) => ({ default: module.FactorDialog })),
);

type Asked = { what: 'sessions' } | { what: 'factor'; has: boolean };

export function PersonMenu({ user: { name, role, secondFactor, throughProvider } }: { user: Person }) {
  const { setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
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
          <Menu.Item onClick={() => setAsked({ what: 'sessions' })}>Your sessions</Menu.Item>
          {!throughProvider && (
            <Menu.Item onClick={() => setAsked({ what: 'factor', has: secondFactor })}>
              Second factor
            </Menu.Item>
          )}
          <Menu.Item onClick={() => signOut.mutate()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {signOut.error && (
        <Dialog title="You are still signed in" close={signOut.reset}>
          <Failed error={signOut.error} retry={() => signOut.mutate()} />
        </Dialog>
      )}
      <Suspense>
        {asked?.what === 'sessions' && <SessionsDialog close={close} />}
        {asked?.what === 'factor' && <FactorDialog has={asked.has} close={close} />}
      </Suspense>
    </>
  );
}
