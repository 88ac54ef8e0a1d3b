import { Button, Group, MultiSelect, NumberInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Environment, type Pool } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { FormDialog } from '../shell/FormDialog';
import { BELOW, problemsOf, within } from '../shell/fields';
import { useMayEverywhere } from '../shell/may';
import { Failed, Loading } from '../shell/states';
import { drawn } from './words';

type Own = { document: Environment; version: number };
/** Which pool is edited, by its place; the one after the last is a new one. */
type Edited = { at: number; pool: Pool };

const NEW: Pool = { pool: '', url: 'https://', percent: 1 };

/** The pools of edges that a share of an environment's clients is sent to. */
export function SteeringPanel({ environment }: { environment: string }) {
  const environments = useQuery(queries.environments());
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const mayWrite = useMayEverywhere('admin');
  const [edited, setEdited] = useState<Edited>();
  const own = environments.data?.items.find(({ document }) => document.key === environment);
  const save = useSave();
  if (environments.error) return <Failed error={environments.error} retry={() => environments.refetch()} />;
  if (!own) return <Loading what="where clients are sent" />;
  const pools = own.document.steering ?? [];
  const name = (key: string) => venues.find(({ document }) => document.key === key)?.document.name ?? key;
  const without = (at: number) => pools.filter((_, n) => n !== at);
  return (
    <section className="panel" aria-labelledby="steering">
      <Group justify="space-between">
        <h2 id="steering">Steering in {own.document.name}</h2>
        {mayWrite && (
          <Button size="xs" variant="default" onClick={() => setEdited({ at: pools.length, pool: NEW })}>
            Add a pool
          </Button>
        )}
      </Group>
      {pools.length === 0 && (
        <p className="soft">
          Clients stay at the server or edge that they connect to. A pool takes a share of them, to try a new
          version of an edge, say.
        </p>
      )}
      {pools.map((pool, at) => (
        <Group key={`${pool.pool} ${pool.url}`} justify="space-between" mt="xs">
          <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
            <b>{pool.pool}</b> serves {drawn(pool, name)}
            <div className="soft">{pool.url}</div>
          </div>
          {mayWrite && (
            <Group gap="xs">
              <Button
                size="xs"
                variant="default"
                aria-label={`Change ${pool.pool}`}
                onClick={() => setEdited({ at, pool })}
              >
                Change
              </Button>
              <Button
                size="xs"
                variant="default"
                aria-label={`Bring the clients of ${pool.pool} home`}
                loading={save.isPending}
                onClick={() => save.mutate({ own, pools: without(at) })}
              >
                Bring home
              </Button>
            </Group>
          )}
        </Group>
      ))}
      {!edited && save.error && <Failed error={save.error} />}
      {!mayWrite && <p className="soft">Only an administrator of everything changes this.</p>}
      {edited && (
        <PoolForm
          edited={edited}
          venues={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
          save={{
            error: save.error,
            isPending: save.isPending,
            mutate: (pool) => {
              const all = [...pools];
              all.splice(edited.at, 1, pool);
              save.mutate({ own, pools: all }, { onSuccess: () => setEdited(undefined) });
            },
          }}
          close={() => {
            save.reset();
            setEdited(undefined);
          }}
        />
      )}
    </section>
  );
}

function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(({ own, pools }: { own: Own; pools: Pool[] }) =>
      body(
        api.PUT('/api/v1/environments/{key}', {
          params: { path: { key: own.document.key }, header: { 'If-Match': `"${own.version}"` } },
          body: { ...own.document, steering: pools.length ? pools : undefined },
        }),
      ),
    ),
    onSettled: () => client.invalidateQueries({ queryKey: ['environments'] }),
  });
}

type FormProps = {
  edited: Edited;
  venues: { value: string; label: string }[];
  save: { mutate: (pool: Pool) => void; error: unknown; isPending: boolean };
  close: () => void;
};

function PoolForm({ edited, venues, save, close }: FormProps) {
  const [pool, setPool] = useState(edited.pool);
  const set = (part: Partial<Pool>) => setPool((own) => ({ ...own, ...part }));
  const at = within(problemsOf(save.error), `steering[${edited.at}]`);
  return (
    <FormDialog
      title={edited.pool === NEW ? 'Add a pool' : `Change ${edited.pool.pool}`}
      submit="Save"
      save={{ ...save, mutate: () => save.mutate(pool) }}
      close={close}
    >
      <Group grow align="flex-start">
        <TextInput
          label="Name"
          description="Another name draws other clients"
          inputWrapperOrder={BELOW}
          required
          data-autofocus
          value={pool.pool}
          error={at('pool')}
          onChange={(event) => set({ pool: event.currentTarget.value })}
        />
        <NumberInput
          label="Share of clients"
          description="A share that grows only gains clients"
          inputWrapperOrder={BELOW}
          required
          suffix=" %"
          min={0}
          max={100}
          decimalScale={3}
          value={pool.percent}
          error={at('percent')}
          onChange={(value) => set({ percent: Number(value) || 0 })}
        />
      </Group>
      <TextInput
        label="Address of its edges"
        required
        value={pool.url}
        error={at('url')}
        onChange={(event) => set({ url: event.currentTarget.value })}
      />
      <MultiSelect
        label="At these venues"
        placeholder={pool.venues?.length ? undefined : 'Wherever they are'}
        searchable
        limit={50}
        value={pool.venues ?? []}
        error={at('venues')}
        onChange={(keys) => set({ venues: keys.length ? keys : undefined })}
        data={venues}
      />
    </FormDialog>
  );
}
