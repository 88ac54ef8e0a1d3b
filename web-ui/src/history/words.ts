import type { CommitSummary } from '../api/client';

/** A kind of document, as people call it: `changeRequest` → “change request”. */
export function kindWords(kind: string): string {
  return kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What a commit did with one document: “updated change request dearer-seats”. */
export function changeWords({ action, kind, key }: CommitSummary['changes'][number]): string {
  return `${action} ${kindWords(kind)} ${key}`;
}
