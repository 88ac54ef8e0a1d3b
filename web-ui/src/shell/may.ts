import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';

const ROLES = ['viewer', 'operator', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether whoever is signed in has a role, or a greater one. The server decides; this only spares people refusals. */
export function useMay(role: Role): boolean {
  const own = useQuery(queries.session()).data?.user.role;
  const rank = (name: string | undefined) => (ROLES as readonly (string | undefined)[]).indexOf(name);
  return rank(own) >= rank(role);
}
