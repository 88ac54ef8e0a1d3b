import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, body, type Change, type ChangeRequest, type Flag } from '../api/client';
import { useOnce } from '../api/once';
import { merge } from '../flags/merge';

type Part = Partial<Pick<ChangeRequest, 'title' | 'message' | 'applyAt' | 'changes' | 'expected'>>;
type Rewrite = { request: ChangeRequest; version: number; part: Part };

/** Writes a change request anew, as its author. */
export function useRewrite(done: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(({ request, version, part }: Rewrite) => {
      const { title, message, applyAt, changes, expected } = { ...request, ...part };
      return body(
        api.PUT('/api/v1/change-requests/{key}', {
          params: { path: { key: request.key }, header: { 'If-Match': `"${version}"` } },
          body: { title, message: message ?? '', applyAt, changes, expected },
        }),
      );
    }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['changes'] });
      done();
    },
    onSettled: (_, __, { request }) => client.invalidateQueries({ queryKey: ['change', request.key] }),
  });
}

/** What has become of a document: what the author of a change saw, and what there is now; nothing where there is none. */
export type Apart = { base: Flag | undefined; theirs: Flag | undefined };

/** A change of a flag over what somebody else has made of it since: both changes, and where they clash. */
export function over(change: Change, { base, theirs }: Apart): { change: Change; clashes: string[] } {
  const mine = change.put as unknown as Flag | undefined;
  if (!mine || !theirs) return { change, clashes: [] };
  const { merged, clashes } = merge(base ?? theirs, mine, theirs);
  return { change: { put: { ...merged, kind: 'flag' } }, clashes };
}
