import { ActionIcon, Button, Group, Select } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Account, api, body, type Invited, type RoleBinding } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { HoldButton } from '../flags/HoldButton';
import { SessionsDialog } from '../session/SessionsDialog';
import { fits } from '../shell/fits';
import { useMayEverywhere } from '../shell/may';
import { SearchField } from '../shell/SearchField';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { BindRole } from './BindRole';
import { Invite } from './Invite';
import { InvitedNote } from './InvitedNote';
import { NewAccount } from './NewAccount';
import { RightsRefused } from './RightsRefused';
import { bindingWords } from './rights';
import { useRightsChange } from './rightsChange';
import { ROLES } from './roles';

export function PeoplePage() {
  const people = useQuery(queries.people());
  const me = useQuery(queries.session()).data?.user.id;
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [binding, setBinding] = useState<string>();
  const [sessionsOf, setSessionsOf] = useState<Account>();
  const [inviting, setInviting] = useState(false);
  const [invited, setInvited] = useState<Invited>();
  const mayAdd = useMayEverywhere('admin');
  const again = () => client.invalidateQueries({ queryKey: ['people'] });
  // Where nobody has a password, nobody is given one.
  const means = useQuery(queries.signInMeans()).data;
  const { password: withPassword, provider } = means ?? { password: true, provider: undefined };
  const change = useRightsChange();
  const invite = useMutation({
    mutationFn: useOnce((key: string) =>
      body(api.POST('/api/v1/users/{key}/invitation', { params: { path: { key } } })),
    ),
    onSuccess: (made) => {
      setInvited(made);
      void again();
    },
  });
  const reset = useMutation({
    mutationFn: (key: string) => api.DELETE('/api/v1/users/{key}/factor', { params: { path: { key } } }),
    onSuccess: again,
  });
  const remove = useMutation({
    mutationFn: (key: string) => body(api.DELETE('/api/v1/users/{key}', { params: { path: { key } } })),
    onSuccess: again,
  });
  const [search, setSearch] = useState('');
  const venueName = useVenueName();
  const fitting = (people.data?.items ?? []).filter(({ name, email, role, bindings }) =>
    fits(search, [name, email, role, ...bindings.map((one) => bindingWords(one, venueName))]),
  );
  const failed = remove.error ?? reset.error ?? invite.error;
  // The dialog is about the account as it is now, not as it was when it was opened.
  const bound = people.data?.items.find((account) => account.key === binding);
  return (
    <>
      <Head
        title="People"
        about={
          withPassword
            ? 'Who signs in here, and what they may do.'
            : `Who signs in here, and what they may do. People come through ${provider}, which says in which groups they are.`
        }
      >
        {people.data && (
          <SearchField
            label="Search people"
            placeholder="Name, e-mail, role, place"
            value={search}
            change={setSearch}
          />
        )}
        {withPassword && mayAdd && (
          <>
            <Button variant="default" onClick={() => setAdding(true)}>
              Add somebody
            </Button>
            <Button onClick={() => setInviting(true)}>Invite somebody</Button>
          </>
        )}
      </Head>
      {invited && <InvitedNote invited={invited} done={() => setInvited(undefined)} />}
      {people.isPending && <Loading what="people" />}
      {people.error && <Failed error={people.error} retry={() => people.refetch()} />}
      {failed && <Failed error={failed} />}
      {change.error && <RightsRefused error={change.error} name={change.variables.account.name} />}
      {people.data && fitting.length === 0 && <Empty>Nobody fits “{search}”.</Empty>}
      {fitting.length > 0 && (
        <div className="panel">
          <Table label="People">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role, everywhere</th>
                <th scope="col">In some places</th>
                <th scope="col">Since</th>
                <th scope="col">
                  <span className="visually-hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {fitting.map((account) => (
                <Row
                  key={account.key}
                  account={account}
                  isMe={account.key === me}
                  changing={change.isPending}
                  choose={(role) => change.mutate({ account, role })}
                  bind={() => setBinding(account.key)}
                  keep={(bindings) => change.mutate({ account, bindings })}
                  showSessions={() => setSessionsOf(account)}
                  invite={() => invite.mutate(account.key)}
                  resetFactor={() => reset.mutate(account.key)}
                  remove={() => remove.mutate(account.key)}
                />
              ))}
            </tbody>
          </Table>
        </div>
      )}
      {sessionsOf && <SessionsDialog of={sessionsOf} close={() => setSessionsOf(undefined)} />}
      {bound && (
        <BindRole account={bound} close={() => setBinding(undefined)} made={() => setBinding(undefined)} />
      )}
      {inviting && (
        <Invite
          close={() => setInviting(false)}
          made={(made) => {
            setInviting(false);
            setInvited(made);
            void again();
          }}
        />
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

type RowProps = {
  account: Account;
  isMe: boolean;
  /** Whether rights are being changed: the next change is to see what came of it. */
  changing: boolean;
  choose: (role: string) => void;
  bind: () => void;
  keep: (bindings: RoleBinding[]) => void;
  showSessions: () => void;
  invite: () => void;
  resetFactor: () => void;
  remove: () => void;
};

function Row({
  account,
  isMe,
  changing,
  choose,
  bind,
  keep,
  showSessions,
  invite,
  resetFactor,
  remove,
}: RowProps) {
  const venueName = useVenueName();
  return (
    <tr>
      <td>
        <b>{account.name}</b>
        <div className="soft" style={{ fontSize: 13 }}>
          {account.email}
        </div>
        {account.invitedUntil && (
          <Group gap="xs" mt={4}>
            <span className="chip" data-tone="mixed">
              Invited
            </span>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`New link for ${account.name}`}
              onClick={invite}
            >
              New link
            </Button>
          </Group>
        )}
        {account.openId && (
          <Group gap="xs" mt={4}>
            <span className="chip" title={`${account.openId.subject} at ${account.openId.issuer}`}>
              Single sign-on
            </span>
          </Group>
        )}
        {account.secondFactor && (
          <Group gap="xs" mt={4}>
            <span className="chip" data-tone="on">
              Second factor
            </span>
            {!isMe && (
              <HoldButton
                size="compact-xs"
                aria-label={`Reset the second factor of ${account.name}`}
                onHeld={resetFactor}
              >
                Reset
              </HoldButton>
            )}
          </Group>
        )}
      </td>
      <td>
        {isMe ? (
          ROLES.find((role) => role.value === account.role)?.label
        ) : (
          <Select
            aria-label={`Role of ${account.name}`}
            size="xs"
            w={240}
            allowDeselect={false}
            data={ROLES}
            readOnly={changing}
            value={account.role}
            onChange={(role) => role && choose(role)}
          />
        )}
      </td>
      <td>
        {account.bindings.map((binding, index) => {
          const words = bindingWords(binding, venueName);
          return (
            // What there is of them is only what they say.
            <Group key={words} gap="xs" wrap="nowrap" mb={4}>
              <span style={{ fontSize: 13 }}>{words}</span>
              <ActionIcon
                size="sm"
                variant="default"
                disabled={changing}
                aria-label={`${account.name} is no longer ${words}`}
                onClick={() => keep(account.bindings.filter((_, other) => other !== index))}
              >
                ✕
              </ActionIcon>
            </Group>
          );
        })}
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Let ${account.name} do more in some places`}
          onClick={bind}
        >
          Add a place
        </Button>
      </td>
      <td className="soft">
        {new Date(account.createdAt).toLocaleDateString('en-GB', { dateStyle: 'medium' })}
      </td>
      <td>
        <Group justify="flex-end" wrap="nowrap">
          <Button
            size="xs"
            variant="default"
            aria-label={`Sessions of ${account.name}`}
            onClick={showSessions}
          >
            Sessions
          </Button>
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
