import { Button, Group, NumberInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Environment } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useMayEverywhere } from '../shell/may';
import { Failed, Head, Loading, Table } from '../shell/states';

/** Most approvals that an environment may ask for, as the server has it. */
const MOST = 10;

/** Where flags are configured, and how many people look at a change before it is made there. */
export function EnvironmentsPage() {
  const environments = useQuery(queries.environments());
  const mayWrite = useMayEverywhere('admin');
  return (
    <>
      <Head
        title="Environments"
        about="Where one asks for approvals, others look at what its clients notice before it is changed. Kills are never held up."
      />
      {environments.isPending && <Loading what="environments" />}
      {environments.error && <Failed error={environments.error} retry={() => environments.refetch()} />}
      {environments.data && (
        <div className="panel">
          <Table label="Environments">
            <thead>
              <tr>
                <th scope="col">Environment</th>
                <th scope="col">What it is for</th>
                <th scope="col">Approvals</th>
              </tr>
            </thead>
            <tbody>
              {environments.data.items.map(({ document, version }) => (
                <tr key={document.key}>
                  <td>
                    <b>{document.name}</b>
                    <div className="soft" style={{ fontSize: 13 }}>
                      {document.key}
                    </div>
                  </td>
                  <td>
                    {document.description ||
                      (document.rehearsal ? 'Rehearsals' : document.critical ? '' : '—')}
                    {document.critical && <div className="soft">The public is in it</div>}
                  </td>
                  <td>
                    {mayWrite ? (
                      <Approvals environment={document} version={version} />
                    ) : (
                      asked(document.approvals)
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
          {!mayWrite && <p className="soft">Only an administrator changes how many.</p>}
        </div>
      )}
    </>
  );
}

const asked = (approvals: number | undefined) => (approvals ? String(approvals) : 'None');

/** How many other people have to look at a change. */
function Approvals({ environment, version }: { environment: Environment; version: number }) {
  const now = environment.approvals ?? 0;
  // Nothing as long as nobody types: what somebody else chooses meanwhile is shown.
  const [typed, setTyped] = useState<number>();
  const approvals = typed ?? now;
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: useOnce((wanted: number) =>
      body(
        api.PUT('/api/v1/environments/{key}', {
          params: { path: { key: environment.key }, header: { 'If-Match': `"${version}"` } },
          body: { ...environment, approvals: wanted },
        }),
      ),
    ),
    onSuccess: async () => {
      for (const what of ['changes', 'change']) void client.invalidateQueries({ queryKey: [what] });
      await client.invalidateQueries({ queryKey: ['environments'] });
      setTyped(undefined);
    },
    onError: () => client.invalidateQueries({ queryKey: ['environments'] }),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(approvals);
      }}
    >
      <Group gap="xs" wrap="nowrap">
        <NumberInput
          aria-label={`Approvals that ${environment.name} asks for`}
          size="xs"
          w={72}
          min={0}
          max={MOST}
          allowDecimal={false}
          value={approvals}
          onChange={(value) => setTyped(Number(value) || 0)}
        />
        <Button
          type="submit"
          size="xs"
          variant="default"
          aria-label={`Save the approvals of ${environment.name}`}
          disabled={approvals === now}
          loading={save.isPending}
        >
          Save
        </Button>
      </Group>
      {save.error && <Failed error={save.error} />}
    </form>
  );
}
