import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from './client';

/** The key of what signs in. */
export const SIGN_IN = 'sign-in';

/** The query cache, with what holds for all that is asked. */
export function makeCache(): QueryClient {
  // Whoever hears that nobody is signed in says so to the session, and the sign-in comes up.
  const heard = (error: unknown) => {
    if (error instanceof ApiError && error.isSignedOut)
      void client.invalidateQueries({ queryKey: ['session'] }, { cancelRefetch: false });
  };
  const client = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        if (query.queryKey[0] !== 'session') heard(error);
      },
    }),
    mutationCache: new MutationCache({
      // A sign-in that is refused says nothing new of the session; to ask for it would take away what was typed.
      onError: (error, _variables, _result, { options }) => {
        if (options.mutationKey?.[0] !== SIGN_IN) heard(error);
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // A refusal stays one, however often one asks.
        retry: (count, error) => !(error instanceof ApiError) && count < 2,
        // The server may well be there though the internet is not: at a venue, or on this machine.
        networkMode: 'always',
      },
      // A kill that can't be sent fails now; it does not wait to happen when nobody expects it any more.
      mutations: { networkMode: 'always' },
    },
  });
  return client;
}
