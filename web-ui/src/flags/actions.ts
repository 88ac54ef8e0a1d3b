import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type Action, api, body } from '../api/client';
import { useOnce } from '../api/once';

export type Place = { venues?: string[]; cohorts?: string[]; variant?: string; message?: string };

/** Turns a flag on or off, kills or revives it, or clears the settings of venues. */
export function useAct(environment: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(({ flag, action, place }: { flag: string; action: Action; place: Place }) =>
      body(
        api.POST('/api/v1/flags/{key}/environments/{environment}/{action}', {
          params: { path: { key: flag, environment, action } },
          body: { venues: [], cohorts: [], variant: null, message: null, ...place },
        }),
      ),
    ),
    onSuccess: (_, { flag }) => {
      for (const key of ['board', 'flags', 'history']) void client.invalidateQueries({ queryKey: [key] });
      void client.invalidateQueries({ queryKey: ['flag', flag] });
    },
  });
}
