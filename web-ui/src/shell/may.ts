import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';

const ROLES = ['viewer', 'operator', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether a role is another one, or a greater one. */
export function isAtLeast(own: string | undefined, role: Role): boolean {
  const rank = (name: string | undefined) => (ROLES as readonly (string | undefined)[]).indexOf(name);
  return rank(own) >= rank(role);
}

/** Whether whoever is signed in has a role, or a greater one. The server decides; this only spares people refusals. */
export function useMay(role: Role): boolean {
  return isAtLeast(useQuery(queries.session()).data?.user.role, role);
}
