import { Button, Group, Select } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Account, api, body } from '../api/client';
import { queries } from '../api/queries';
import { HoldButton } from '../flags/HoldButton';
import { Failed, Head, Loading, Table } from '../shell/states';
import { NewAccount } from './NewAccount';
import { ROLES } from './roles';

export function PeoplePage() {
  const people = useQuery(queries.people());
  const me = useQuery(queries.session()).data?.user.id;
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: ['people'] });
  const change = useMutation({
    mutationFn: ({ key, role }: { key: string; role: string }) =>
      body(api.PUT('/api/v1/users/{key}', { params: { path: { key } }, body: { role } })),
    onSuccess: again,
  });
  const remove = useMutation({
    mutationFn: (key: string) => body(api.DELETE('/api/v1/users/{key}', { params: { path: { key } } })),
    onSuccess: again,
  });
  return (
    <>
      <Head title="People" about="Who signs in here, and what they may do.">
        <Button onClick={() => setAdding(true)}>Add somebody</Button>
      </Head>
      {people.isPending && <Loading what="people" />}
      {people.error && <Failed error={people.error} retry={() => people.refetch()} />}
      {(change.error ?? remove.error) && <Failed error={change.error ?? remove.error} />}
      {people.data && (
        <div className="panel">
          <Table label="People">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Since</th>
                <th scope="col">
                  <span className="visually-hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {people.data.items.map((account) => (
                <Row
                  key={account.key}
                  account={account}
                  isMe={account.key === me}
                  choose={(role) => change.mutate({ key: account.key, role })}
                  remove={() => remove.mutate(account.key)}
                />
              ))}
            </tbody>
          </Table>
        </div>
      )}
      {adding && (
        <NewAccount
          close={() => setAdding(false)}
          made={() => {
            setAdding(false);
            void again();
          }}
        />
      )}
    </>
  );
}

type RowProps = { account: Account; isMe: boolean; choose: (role: string) => void; remove: () => void };

function Row({ account, isMe, choose, remove }: RowProps) {
  return (
    <tr>
      <td>
        <b>{account.name}</b>
        <div className="soft" style={{ fontSize: 13 }}>
          {account.email}
        </div>
      </td>
      <td>
        {isMe ? (
          ROLES.find((role) => role.value === account.role)?.label
        ) : (
          <Select
            aria-label={`Role of ${account.name}`}
            size="xs"
            w={280}
            allowDeselect={false}
            data={ROLES}
            value={account.role}
            onChange={(role) => role && choose(role)}
          />
        )}
      </td>
      <td className="soft">
        {new Date(account.createdAt).toLocaleDateString('en-GB', { dateStyle: 'medium' })}
      </td>
      <td>
        <Group justify="flex-end">
          {isMe ? (
            <span className="soft">You</span>
          ) : (
            <HoldButton size="xs" aria-label={`Remove ${account.name}`} onHeld={remove}>
              Remove
            </HoldButton>
          )}
        </Group>
      </td>
    </tr>
  );
}
