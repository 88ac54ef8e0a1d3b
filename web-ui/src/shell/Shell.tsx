import { AppShell, Burger, Group, Loader, NavLink, Select, Text } from '@mantine/core';
import { useDisclosure, useLocalStorage } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouter, useRouterState } from '@tanstack/react-router';
import { Activity, lazy, Suspense, useEffect, useState } from 'react';
import { ApiError, type Person } from '../api/client';
import { queries } from '../api/queries';
import { follow, type LiveState } from '../live/live';
import { SignIn } from '../session/SignIn';
import { EnvironmentContext } from './environment';
import { GlassDialog } from './GlassDialog';
import { LiveBadge, OfflineNote } from './LiveBadge';
import { Notices } from './Notices';
import { count } from './numbers';
import { Palette } from './Palette';
import { PersonMenu } from './PersonMenu';
import { Failed } from './states';
import { UndoToast } from './UndoToast';

const AcceptInvitation = lazy(() =>
  import('../session/AcceptInvitation').then((module) => ({ default: module.AcceptInvitation })),
);
const FactorOwed = lazy(() =>
  import('../session/FactorOwed').then((module) => ({ default: module.FactorOwed })),
);

const PAGES = [
  { to: '/board', label: 'Board' },
  { to: '/flags', label: 'Flags' },
  { to: '/stale-flags', label: 'Stale flags' },
  { to: '/changes', label: 'Changes' },
  { to: '/releases', label: 'Releases' },
  { to: '/playbooks', label: 'Playbooks' },
  { to: '/schedules', label: 'Schedules' },
  { to: '/calendar', label: 'Calendar' },
  { to: '/convergence', label: 'Convergence' },
  { to: '/history', label: 'History' },
  { to: '/venues', label: 'Venues' },
  { to: '/cohorts', label: 'Cohorts' },
  { to: '/environments', label: 'Environments' },
  { to: '/fleet', label: 'Fleet' },
  { to: '/keys', label: 'Keys' },
  { to: '/people', label: 'People' },
] as const;

/** When the other screens are fetched, so that the first one comes first. */
const SCREENS_AFTER_MS = 1_500;

/**
 * The frame around every screen; who is not signed in sees the sign-in instead. When a session ends, the page
 * waits behind it, with all that was typed.
 */
export function Shell() {
  const isInvited = useRouterState({ select: (state) => state.location.pathname === '/invitation' });
  return isInvited ? (
    <Suspense>
      <AcceptInvitation />
    </Suspense>
  ) : (
    <Framed />
  );
}

function Framed() {
  const session = useQuery(queries.session());
  if (session.isPending) return <Loader m="xl" aria-label="Loading" />;
  const isSignedOut = session.error instanceof ApiError && session.error.isSignedOut;
  if (!session.data) {
    if (isSignedOut) return <SignIn />;
    return <Failed error={session.error} retry={() => session.refetch()} />;
  }
  const { user, owesFactor } = session.data;
  if (owesFactor && !isSignedOut)
    return (
      <Suspense>
        <FactorOwed done={() => session.refetch()} />
      </Suspense>
    );
  return (
    <>
      {isSignedOut && <SignIn again={user} />}
      <Activity mode={isSignedOut ? 'hidden' : 'visible'}>
        <SignedIn key={user.id} user={user} />
      </Activity>
    </>
  );
}

function SignedIn({ user }: { user: Person }) {
  const [opened, { toggle, close }] = useDisclosure();
  const [live, setLive] = useState<LiveState>('connecting');
  const [environment, setEnvironment] = useLocalStorage({
    key: 'usher.environment',
    defaultValue: 'production',
  });
  const client = useQueryClient();
  const workspace = useQuery(queries.workspace());
  const path = useRouterState({ select: (state) => state.location.pathname });
  const router = useRouter();
  useEffect(() => follow(client, setLive), [client]);
  // Every screen is fetched while there is a server to fetch it from.
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const route of Object.values(router.routesById)) void router.loadRouteChunk(route);
    }, SCREENS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [router]);
  const environments = workspace.data?.environments ?? [];
  const known = environments.some((one) => one.key === environment);
  const current = known ? environment : (environments[0]?.key ?? environment);

  return (
    <EnvironmentContext value={{ current, choose: setEnvironment }}>
      <AppShell
        header={{ height: 56 }}
        navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }}
        padding="md"
      >
        <AppShell.Header px="md">
          <a href="#screen" className="skip">
            Skip to the screen
          </a>
          <Group h="100%" justify="space-between" wrap="nowrap" gap="sm">
            <Group gap="sm" wrap="nowrap">
              <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
              <img src="/logo.svg" alt="" width={28} height={28} />
              <Text fw={700} visibleFrom="xs">
                Usher
              </Text>
              <Select
                aria-label="Environment"
                size="xs"
                w={{ base: 116, sm: 132 }}
                allowDeselect={false}
                data={environments.map((one) => ({ value: one.key, label: one.name }))}
                value={current}
                onChange={(value) => value && setEnvironment(value)}
              />
            </Group>
            <Group gap="sm" wrap="nowrap">
              <LiveBadge state={live} connections={workspace.data?.connections} />
              <Palette />
              <PersonMenu user={user} />
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" component="nav" aria-label="Screens">
          {PAGES.map((page) => (
            <NavLink
              key={page.to}
              component={Link}
              to={page.to}
              label={page.label}
              rightSection={page.to === '/changes' ? <Waiting /> : undefined}
              active={path.startsWith(page.to)}
              aria-current={path.startsWith(page.to) ? 'page' : undefined}
              onClick={close}
              style={{ borderRadius: 8 }}
            />
          ))}
        </AppShell.Navbar>
        <AppShell.Main id="screen" tabIndex={-1}>
          <OfflineNote state={live} />
          <Notices />
          <Outlet />
        </AppShell.Main>
      </AppShell>
      <UndoToast />
      <GlassDialog />
    </EnvironmentContext>
  );
}

/** How many change requests wait for somebody's approval. */
function Waiting() {
  const items = useQuery(queries.openChanges()).data?.items ?? [];
  const waiting = items.filter(({ standing }) => standing && standing.approvedBy.length < standing.needed);
  if (waiting.length === 0) return null;
  return (
    <span className="chip" data-tone="mixed">
      {count(waiting.length)}
      <span className="visually-hidden"> wait for approval</span>
    </span>
  );
}
