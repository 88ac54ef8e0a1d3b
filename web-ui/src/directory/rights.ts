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
