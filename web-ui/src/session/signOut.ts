import { useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';

/** Ends the session, and forgets all that was seen with it. */
export function useSignOut() {
  const client = useQueryClient();
  return async () => {
    await api.DELETE('/api/v1/session');
    client.clear();
    location.assign('/');
  };
}
