import type { Cohort, Key } from '../api/client';

/** What a key is for. */
export function kindWords(key: Key): string {
  if (key.type === 'context') {
    return 'signing';
  }
  return key.signedContexts === 'required' ? `${key.type}, signed only` : key.type;
}

/** Whose word makes a phone a member of a cohort, where the cohort says so. */
export function claimsWords(cohort: Cohort): string {
  switch (cohort.claims) {
    case 'signed':
      return 'Phones only by a signed context';
    case 'open':
      return 'Phones by their own word too';
    default:
      return '';
  }
}
