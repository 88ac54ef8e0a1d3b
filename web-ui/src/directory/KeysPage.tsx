import { Alert, Button, Code, CopyButton, Group } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Key } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { HoldButton } from '../flags/HoldButton';
import { Export } from '../shell/export/Export';
import type { Column } from '../shell/export/table';
import { fits } from '../shell/fits';
import { useMay } from '../shell/may';
import { SearchField } from '../shell/SearchField';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { NewKey } from './NewKey';
import { rightsWords } from './rights';
import { SignedContexts } from './SignedContexts';
import { kindWords } from './words';

/** How long an old secret lives on when a key is rotated here: a day, for programs to change over. */
const OVERLAP_SECONDS = 86_400;

export function KeysPage() {
  const keys = useQuery(queries.keys());
  const venueName = useVenueName();
  const venuesOf = (key: Key) => (key.venues ?? []).map(venueName);
  const client = useQueryClient();
  const mayMake = useMay('admin');
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const again = () => client.invalidateQueries({ queryKey: ['keys'] });
  const rotate = useMutation({
    mutationFn: useOnce((key: string) =>
      body(
        api.POST('/api/v1/keys/{key}/rotate', {
          params: { path: { key } },
          body: { overlapSeconds: OVERLAP_SECONDS },
        }),
      ),
    ),
    onSuccess: (made) => {
      setSecret(made.secret);
      void again();
    },
  });
  const revoke = useMutation({
    mutationFn: (key: string) => body(api.POST('/api/v1/keys/{key}/revoke', { params: { path: { key } } })),
    onSuccess: again,
  });
  const sign = useMutation({
    mutationFn: ({ key, signedContexts }: { key: string; signedContexts: string }) =>
      body(
        api.POST('/api/v1/keys/{key}/signed-contexts', {
          params: { path: { key } },
          body: { signedContexts },
        }),
      ),
    onSuccess: again,
  });
  const [search, setSearch] = useState('');
  const fitting = (keys.data?.items ?? []).filter((key) =>
    fits(search, [key.key, key.name, key.prefix, kindWords(key), key.environment, ...venuesOf(key)]),
  );
  const failed = rotate.error ?? revoke.error ?? sign.error;
  const columns: Column<Key>[] = [
    { key: 'key', title: 'Key', of: (key) => key.key },
    { key: 'name', title: 'Name', of: (key) => key.name },
    { key: 'prefix', title: 'Begins with', of: (key) => key.prefix },
    { key: 'type', title: 'Kind', of: kindWords },
    { key: 'environment', title: 'Environment', of: (key) => key.environment },
    { key: 'venues', title: 'Venues', of: (key) => key.venues?.map(venueName).join(', ') },
    {
      key: 'rights',
      title: 'Rights',
      of: (key) => (key.type === 'api' ? rightsWords(key.role ?? 'admin', key.bindings, venueName) : ''),
    },
    { key: 'expiresAt', title: 'Until', of: (key) => key.expiresAt },
    { key: 'revokedAt', title: 'Revoked', of: (key) => key.revokedAt },
  ];
  return (
    <>
      <Head title="Keys" about="What programs sign in with. A secret is shown once.">
        <SearchField label="Search keys" placeholder="Name, kind, venue" value={search} change={setSearch} />
        <Export name="keys" table={{ columns: columns, rows: fitting }} />
        {mayMake && <Button onClick={() => setMaking(true)}>Create a key</Button>}
      </Head>
      {secret && <Secret secret={secret} done={() => setSecret(undefined)} />}
      {keys.isPending && <Loading what="keys" />}
      {keys.error && <Failed error={keys.error} retry={() => keys.refetch()} />}
      {failed && <Failed error={failed} />}
      {keys.data?.items.length === 0 && <Empty>There are no keys yet.</Empty>}
      {!!keys.data?.items.length && fitting.length === 0 && <Empty>No key fits “{search}”.</Empty>}
      {fitting.length > 0 && (
        <div className="panel">
          <Table label="Keys">
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Kind</th>
                <th scope="col">Environment</th>
                <th scope="col">Venues</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span className="visually-hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {fitting.map((key) => (
                <tr key={key.key}>
                  <td>
                    <b>{key.name}</b>
                    <div className="soft" style={{ fontSize: 13 }}>
                      {key.prefix}…
                    </div>
                  </td>
                  <td>{kindWords(key)}</td>
                  {key.type === 'api' ? (
                    <td colSpan={2}>{rightsWords(key.role ?? 'admin', key.bindings, venueName)}</td>
                  ) : (
                    <>
                      <td>{key.environment ?? 'All'}</td>
                      <td>{key.venues?.map(venueName).join(', ') || 'All'}</td>
                    </>
                  )}
                  <td>
                    <span
                      className="chip"
                      data-tone={key.revokedAt ? 'killed' : key.expiresAt ? 'mixed' : 'on'}
                    >
                      {key.revokedAt
                        ? 'Revoked'
                        : key.expiresAt
                          ? `Until ${new Date(key.expiresAt).toLocaleString('en-GB')}`
                          : 'Live'}
                    </span>
                  </td>
                  <td>
                    {!key.revokedAt && (
                      <Group gap="xs" wrap="nowrap" justify="flex-end">
                        {key.type === 'client' && (
                          <SignedContexts
                            of={key}
                            pending={sign.isPending}
                            change={(signedContexts) => sign.mutate({ key: key.key, signedContexts })}
                          />
                        )}
                        <Button
                          size="xs"
                          variant="default"
                          aria-label={`Rotate ${key.name}`}
                          disabled={rotate.isPending}
                          onClick={() => rotate.mutate(key.key)}
                        >
                          Rotate
                        </Button>
                        <HoldButton
                          size="xs"
                          aria-label={`Revoke ${key.name}`}
                          onHeld={() => revoke.mutate(key.key)}
                        >
                          Revoke
                        </HoldButton>
                      </Group>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        </div>
      )}
      {making && (
        <NewKey
          close={() => setMaking(false)}
          made={(own) => {
            setMaking(false);
            setSecret(own);
            void again();
          }}
        />
      )}
    </>
  );
}

function Secret({ secret, done }: { secret: string; done: () => void }) {
  return (
    <Alert title="Copy this secret now: it is shown this once" mb="md" role="alert">
      <Group>
        <Code fz="sm">{secret}</Code>
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button size="xs" variant="subtle" onClick={done}>
          Hide it
        </Button>
      </Group>
    </Alert>
  );
}
