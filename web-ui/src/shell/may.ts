import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { RoleBinding } from '../api/client';
import { queries } from '../api/queries';

const ROLES = ['viewer', 'operator', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A place: all venues of the environment, without a venue; anywhere at all, without both. */
export type Spot = { environment?: string; venue?: string };
type Rights = { role: string; bindings: readonly RoleBinding[] };

const rank = (name: string | undefined) => (ROLES as readonly (string | undefined)[]).indexOf(name);
const holds = (own: readonly string[] | undefined, wanted: string | undefined) =>
  !own?.length || (wanted !== undefined && own.includes(wanted));

/** Whether somebody has a role, or a greater one, there. The server decides; this only spares people refusals. */
export function may(own: Rights | undefined, role: Role, spot: Spot = {}): boolean {
  if (!own) return false;
  const anywhere = spot.environment === undefined && spot.venue === undefined;
  const there = own.bindings.filter(
    (binding) =>
      anywhere || (holds(binding.environments, spot.environment) && holds(binding.venues, spot.venue)),
  );
  return Math.max(rank(own.role), ...there.map((binding) => rank(binding.role))) >= rank(role);
}

/** Whether whoever is signed in has a role there; anywhere, without a place. */
export function useMay(role: Role, spot?: Spot): boolean {
  return may(useQuery(queries.session()).data?.user, role, spot);
}

/** Whether whoever is signed in has a role everywhere, as what is about no one place needs. */
export function useMayEverywhere(role: Role): boolean {
  return rank(useQuery(queries.session()).data?.user.role) >= rank(role);
}

/** Whether they have it there, for screens with many places. */
export function useMayAt(role: Role): (spot: Spot) => boolean {
  const own = useQuery(queries.session()).data?.user;
  return useCallback((spot) => may(own, role, spot), [own, role]);
}
