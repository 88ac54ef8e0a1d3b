/** What people may do, each role in a few words. */
export const ROLES = [
  { value: 'viewer', label: 'Viewer: sees everything' },
  { value: 'operator', label: 'Operator: kills, revives, toggles' },
  { value: 'editor', label: 'Editor: changes flags' },
  { value: 'admin', label: 'Administrator: people and keys too' },
];
