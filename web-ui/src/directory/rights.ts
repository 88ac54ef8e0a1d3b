import type { RoleBinding } from '../api/client';

const NAMES: Record<string, string> = {
  viewer: 'Viewer',
  operator: 'Operator',
  editor: 'Editor',
  admin: 'Administrator',
};

/** A binding in words: “Operator at Wembley Stadium, in production”. */
export function bindingWords(
  { role, environments = [], venues = [] }: RoleBinding,
  nameOf: (venue: string) => string,
): string {
  const at = venues.length ? `at ${venues.map(nameOf).join(', ')}` : '';
  const within = environments.length ? `in ${environments.join(', ')}` : '';
  return [NAMES[role] ?? role, [at, within].filter(Boolean).join(', ')].join(' ');
}

/** All that somebody may do: “Viewer everywhere; Operator in production”. */
export function rightsWords(
  role: string,
  bindings: readonly RoleBinding[] | undefined,
  nameOf: (venue: string) => string,
): string {
  const places = (bindings ?? []).map((binding) => bindingWords(binding, nameOf));
  return [`${NAMES[role] ?? role} everywhere`, ...places].join('; ');
}
