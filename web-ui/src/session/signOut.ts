import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiError, api } from '../api/client';

/** Ends the session, and forgets all that was seen with it. Where it can't be ended, it goes on, and that is told. */
export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      try {
        await api.DELETE('/api/v1/session');
      } catch (error) {
        // It is over already.
        if (!(error instanceof ApiError && error.isSignedOut)) throw error;
      }
    },
    onSuccess: () => {
      client.clear();
      location.assign('/');
    },
  });
}
