import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type Account, api, body, type RoleBinding } from '../api/client';
import { useOnce } from '../api/once';

/** An account, as it was seen, and what it may do from now on: all of what is named. */
export type RightsChange = { account: Account; role?: string; bindings?: RoleBinding[] };

/**
 * Changes what somebody may do. What another administrator has changed meanwhile is never written over. It is under way
 * until people are read again, so that whatever comes next begins with what there is then.
 */
export function useRightsChange(made: () => void = () => undefined) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(({ account, ...rights }: RightsChange) =>
      body(
        api.PUT('/api/v1/users/{key}', {
          params: { path: { key: account.key }, header: { 'If-Match': `"${account.version}"` } },
          body: rights,
        }),
      ),
    ),
    onSuccess: made,
    onSettled: () => client.invalidateQueries({ queryKey: ['people'] }),
  });
}
