import { Button, Kbd, Modal, TextInput } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useId, useRef, useState } from 'react';
import { AskedFor, type Flag } from '../api/client';
import { queries } from '../api/queries';
import { useAct } from '../flags/actions';
import { useEnvironment } from './environment';
import { useFocusBack } from './focus';
import { useMay } from './may';
import { Failed } from './states';

const SHOWN = 10;
const PAGES = [
  'board',
  'flags',
  'stale-flags',
  'changes',
  'releases',
  'playbooks',
  'schedules',
  'calendar',
  'convergence',
  'history',
  'venues',
  'cohorts',
  'environments',
  'fleet',
  'keys',
  'people',
] as const;

/** What somebody says who wants to do something, and not only go there. */
const DOING = new Set(['turn', 'on', 'off']);

/**
 * Go anywhere: screens, flags, change requests, releases, playbooks, schedules, and the history of venues. And turn any
 * flag on or off, for whoever says so.
 */
export function Palette() {
  const [opened, { open, close }] = useDisclosure();
  useHotkeys([['mod+K', open]], []);
  return (
    <>
      <Button
        variant="default"
        size="xs"
        onClick={open}
        rightSection={<Kbd size="xs">Ctrl K</Kbd>}
        visibleFrom="md"
      >
        Go to
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title="Go to"
        size="md"
        transitionProps={{ duration: 0 }}
        returnFocus={false}
      >
        <Search done={close} />
      </Modal>
    </>
  );
}

/** What can be chosen; it may do something, which takes a while and may be refused. */
type Entry = { id: string; label: string; acts?: boolean; go: () => unknown };

/** The environment that is shown, as people call it. */
function useEnvironmentNamed() {
  const key = useEnvironment();
  const all = useQuery(queries.workspace()).data?.environments ?? [];
  return { key, name: all.find((one) => one.key === key)?.name ?? key };
}

/** A field and what fits it; arrows choose, Enter goes. */
function Search({ done }: { done: () => void }) {
  const [search, setSearch] = useState('');
  const [active, setActive] = useState(0);
  const list = useId();
  const field = useRef<HTMLInputElement>(null);
  useFocusBack(field);
  const navigate = useNavigate();
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const releases = useQuery(queries.releases()).data?.items ?? [];
  const changes = useQuery(queries.openChanges()).data?.items ?? [];
  const schedules = useQuery(queries.schedules()).data?.items ?? [];
  const playbooks = useQuery(queries.playbooks()).data?.items ?? [];
  const { key: environment, name: place } = useEnvironmentNamed();
  const mayToggle = useMay('operator', { environment });
  const act = useAct(environment);
  const toggle = (flag: Flag): Entry[] => {
    const config = flag.environments?.[environment];
    if (!config || flag.lifecycle === 'archived' || !mayToggle) return [];
    const action = config.enabled ? 'off' : 'on';
    return [
      {
        id: `turn-${flag.key}`,
        label: `Turn ${action} in ${place}: ${flag.name || flag.key}`,
        acts: true,
        go: () =>
          act.mutate(
            { flag: flag.key, action, place: {} },
            {
              onSuccess: done,
              onError: (error) => {
                if (!(error instanceof AskedFor)) return;
                done();
                void navigate({ to: '/changes/$key', params: { key: error.request } });
              },
            },
          ),
      },
    ];
  };
  const entries: Entry[] = [
    ...PAGES.map((page) => ({
      id: `page-${page}`,
      label: `${page[0]?.toUpperCase()}${page.slice(1).replace('-', ' ')}`,
      go: () => navigate({ to: `/${page}` }),
    })),
    ...flags.map(({ document }) => ({
      id: `flag-${document.key}`,
      label: `Flag: ${document.name || document.key}`,
      go: () => navigate({ to: '/flags/$key', params: { key: document.key } }),
    })),
    ...changes.map(({ document }) => ({
      id: `change-${document.key}`,
      label: `Change request: ${document.title}`,
      go: () => navigate({ to: '/changes/$key', params: { key: document.key } }),
    })),
    ...releases.map(({ document }) => ({
      id: `release-${document.key}`,
      label: `Release: ${document.name || document.key}`,
      go: () => navigate({ to: '/releases/$key', params: { key: document.key } }),
    })),
    {
      id: 'new-release',
      label: 'Plan a release',
      go: () => navigate({ to: '/new-release', search: {} }),
    },
    ...playbooks.map(({ document }) => ({
      id: `playbook-${document.key}`,
      label: `Playbook: ${document.name || document.key}`,
      go: () => navigate({ to: '/playbooks', hash: document.key }),
    })),
    ...schedules.map(({ document }) => ({
      id: `schedule-${document.key}`,
      label: `Schedule: ${document.name || document.key}`,
      go: () => navigate({ to: '/schedules', hash: document.key }),
    })),
    ...venues.map(({ document }) => ({
      id: `venue-${document.key}`,
      label: `History at ${document.name}`,
      go: () => navigate({ to: '/history', search: { venue: document.key } }),
    })),
  ];
  const words = search.toLowerCase().split(/\s+/);
  const toggles = words.some((word) => DOING.has(word))
    ? flags.flatMap(({ document }) => toggle(document))
    : [];
  const shown = [...toggles, ...entries]
    .filter(({ label, id }) => words.every((word) => label.toLowerCase().includes(word) || id.includes(word)))
    .slice(0, SHOWN);
  const go = (index: number) => {
    const entry = shown[index];
    if (!entry || act.isPending) return;
    void entry.go();
    if (!entry.acts) done();
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive((own) => (own + step + shown.length) % Math.max(1, shown.length));
    } else if (event.key === 'Enter' && shown[active]) {
      event.preventDefault();
      go(active);
    }
  };
  return (
    <>
      <TextInput
        ref={field}
        data-autofocus
        role="combobox"
        aria-label="Search"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={shown[active] && `${list}-${active}`}
        placeholder="A screen, a flag, a venue, or “turn off …”"
        value={search}
        onChange={(event) => {
          setSearch(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={press}
      />
      <div id={list} role="listbox" aria-label="Places to go to, and what to do" style={{ marginTop: 8 }}>
        {shown.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard
          // biome-ignore lint/a11y/useFocusableInteractive: the field above has the focus
          <div
            key={entry.id}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === active}
            className="palette-option"
            onClick={() => go(index)}
          >
            {entry.label}
          </div>
        ))}
      </div>
      {act.error && !(act.error instanceof AskedFor) && <Failed error={act.error} />}
      {shown.length === 0 && <p className="soft">Nothing is called that.</p>}
    </>
  );
}
