import { TextInput } from '@mantine/core';
import { type MayDo, RoleFields } from './RoleFields';

/** Somebody who is to have an account. */
export type NewPerson = MayDo & { name: string; email: string };

export const NOBODY: NewPerson = { name: '', email: '', role: 'viewer', bindings: [] };

/** Who they are, and what they may do. */
export function PersonFields({
  person,
  change,
  children,
}: {
  person: NewPerson;
  change: (person: NewPerson) => void;
  children?: React.ReactNode;
}) {
  return (
    <>
      <TextInput
        label="Name"
        required
        value={person.name}
        onChange={(event) => change({ ...person, name: event.currentTarget.value })}
        data-autofocus
      />
      <TextInput
        label="E-mail"
        type="email"
        required
        value={person.email}
        onChange={(event) => change({ ...person, email: event.currentTarget.value })}
      />
      {children}
      <RoleFields who="They" may={person} change={(may) => change({ ...person, ...may })} />
    </>
  );
}
