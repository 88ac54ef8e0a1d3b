import { Button, Combobox, Kbd, Modal, ScrollArea, TextInput, useCombobox } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../api/queries';

const SHOWN = 12;

/** Go anywhere: screens, flags, and the history of venues. */
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
      <Modal opened={opened} onClose={close} title="Go to" size="md">
        <Search done={close} />
      </Modal>
    </>
  );
}

function Search({ done }: { done: () => void }) {
  const [search, setSearch] = useState('');
  const navigate = useNavigate();
  const combobox = useCombobox({ opened: true });
  const flags = useQuery(queries.flags('')).data?.items ?? [];
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const fits = (text: string) => text.toLowerCase().includes(search.toLowerCase());
  const entries = [
    ...['board', 'flags', 'convergence', 'history', 'venues', 'cohorts', 'keys'].map((page) => ({
      value: `page ${page}`,
      label: `${page[0]?.toUpperCase()}${page.slice(1)}`,
      go: () => navigate({ to: `/${page}` }),
    })),
    ...flags.map(({ document }) => ({
      value: `flag ${document.key}`,
      label: `Flag: ${document.name || document.key}`,
      go: () => navigate({ to: '/flags/$key', params: { key: document.key } }),
    })),
    ...venues.map(({ document }) => ({
      value: `venue ${document.key}`,
      label: `History at ${document.name}`,
      go: () => navigate({ to: '/history', search: { venue: document.key } }),
    })),
  ].filter((entry) => fits(entry.label) || fits(entry.value));
  const shown = entries.slice(0, SHOWN);
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(value) => {
        void entries.find((entry) => entry.value === value)?.go();
        done();
      }}
    >
      <Combobox.EventsTarget>
        <TextInput
          data-autofocus
          aria-label="Search"
          placeholder="A screen, a flag, a venue"
          value={search}
          onChange={(event) => {
            setSearch(event.currentTarget.value);
            combobox.selectFirstOption();
          }}
        />
      </Combobox.EventsTarget>
      <ScrollArea.Autosize mah={360} mt="xs">
        <Combobox.Options aria-label="Places to go to">
          {shown.length === 0 && <Combobox.Empty>Nothing is called that.</Combobox.Empty>}
          {shown.map((entry) => (
            <Combobox.Option key={entry.value} value={entry.value}>
              {entry.label}
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </ScrollArea.Autosize>
    </Combobox>
  );
}
