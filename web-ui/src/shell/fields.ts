import { useEffect, useRef } from 'react';
import { ApiError } from '../api/client';

/** What the server says of a field, by its path: `stages[0].bake`. */
export type AtField = (path: string) => string | undefined;

/** The problems of a refusal, each to be shown at its field. */
export function problemsOf(error: unknown): AtField {
  const all = error instanceof ApiError ? (error.problem.errors ?? []) : [];
  return (path) => {
    const own = all.filter((one) => one.field === path).map((one) => sentence(one.detail, one.mend));
    return own.length ? own.join(' ') : undefined;
  };
}

/** Problems within a part of a form, seen from that part. */
export function within(at: AtField, path: string): AtField {
  return (field) => at(field ? `${path}.${field}` : path);
}

function sentence(detail: string, mend: string): string {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return `${text}${/[.!?]$/.test(text) ? '' : '.'} ${mend}`.trim();
}

/** A key made of a name: `Cup final 2027` → `cup-final-2027`. */
export function keyOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}

/** What explains a field stands below it, so that fields beside each other are in line. */
export const BELOW: ('label' | 'input' | 'description' | 'error')[] = [
  'label',
  'input',
  'description',
  'error',
];

/** A form that, when it is refused, brings people to the first field that is in the way. */
export function useProblemFocus(error: unknown) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!error) return;
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [error]);
  return form;
}
