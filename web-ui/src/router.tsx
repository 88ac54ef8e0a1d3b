import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { Broken, NoSuchScreen } from './shell/lost';
import { Shell } from './shell/Shell';

const root = createRootRoute({ component: Shell });
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

const commit = (value: unknown) =>
  Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : undefined;

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    beforeLoad: () => {
      throw redirect({ to: '/board' });
    },
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/board',
    validateSearch: (search): { at?: number } => ({ at: commit(search.at) }),
    component: lazyRouteComponent(() => import('./board/BoardPage'), 'BoardPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/flags',
    component: lazyRouteComponent(() => import('./flags/FlagsPage'), 'FlagsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/flags/$key',
    component: lazyRouteComponent(() => import('./flags/FlagPage'), 'FlagPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/stale-flags',
    component: lazyRouteComponent(() => import('./stale/StalePage'), 'StalePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/releases',
    component: lazyRouteComponent(() => import('./releases/ReleasesPage'), 'ReleasesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/releases/$key',
    component: lazyRouteComponent(() => import('./releases/ReleasePage'), 'ReleasePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/releases/$key/plan',
    component: lazyRouteComponent(() => import('./releases/plan/PlanPage'), 'ChangePlanPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/new-release',
    validateSearch: (search): { flag?: string } => ({ flag: text(search.flag) }),
    component: lazyRouteComponent(() => import('./releases/plan/PlanPage'), 'NewReleasePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/playbooks',
    component: lazyRouteComponent(() => import('./playbooks/PlaybooksPage'), 'PlaybooksPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/changes',
    component: lazyRouteComponent(() => import('./changes/ChangesPage'), 'ChangesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/changes/$key',
    component: lazyRouteComponent(() => import('./changes/ChangePage'), 'ChangePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/schedules',
    component: lazyRouteComponent(() => import('./schedules/SchedulesPage'), 'SchedulesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/calendar',
    component: lazyRouteComponent(() => import('./calendar/CalendarPage'), 'CalendarPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/convergence',
    component: lazyRouteComponent(() => import('./convergence/ConvergencePage'), 'ConvergencePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/history',
    validateSearch: (search): { flag?: string; venue?: string } => ({
      flag: text(search.flag),
      venue: text(search.venue),
    }),
    component: lazyRouteComponent(() => import('./history/HistoryPage'), 'HistoryPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/venues',
    component: lazyRouteComponent(() => import('./directory/VenuesPage'), 'VenuesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/cohorts',
    component: lazyRouteComponent(() => import('./directory/CohortsPage'), 'CohortsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/fleet',
    component: lazyRouteComponent(() => import('./fleet/FleetPage'), 'FleetPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/environments',
    component: lazyRouteComponent(() => import('./directory/EnvironmentsPage'), 'EnvironmentsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/keys',
    component: lazyRouteComponent(() => import('./directory/KeysPage'), 'KeysPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/people',
    component: lazyRouteComponent(() => import('./directory/PeoplePage'), 'PeoplePage'),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  defaultNotFoundComponent: NoSuchScreen,
  defaultErrorComponent: Broken,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
