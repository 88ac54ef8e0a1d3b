import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, body, type When } from '../api/client';
import { useOnce } from '../api/once';
import { queries } from '../api/queries';
import type { Wish } from '../shell/wish';

export type NewRequest = Wish & { title: string; message: string; applyAt?: When };

/** Opens a change request, and tells its key. */
export function useAskFor(asked: (key: string) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce((request: NewRequest) =>
      body(api.POST('/api/v1/change-requests', { body: request })),
    ),
    onSuccess: ({ document }) => {
      void client.invalidateQueries({ queryKey: ['changes'] });
      asked(document.key);
    },
  });
}

export type Step =
  | { step: 'approve'; version: number }
  | { step: 'merge' | 'close'; message: string }
  | { step: 'comment'; text: string };

/** Takes a step of a change request, and tells the commit. */
export function useDecide(key: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(async (taken: Step): Promise<{ step: Step['step']; seq: number }> => {
      const path = { key };
      switch (taken.step) {
        case 'approve': {
          const header = { 'If-Match': `"${taken.version}"` };
          const done = api.POST('/api/v1/change-requests/{key}/approve', { params: { path, header } });
          return { step: 'approve', seq: (await body(done)).seq };
        }
        case 'comment': {
          const said = { text: taken.text };
          const done = await body(
            api.POST('/api/v1/change-requests/{key}/comments', { params: { path }, body: said }),
          );
          // What was only said about is approved as it is shown, without waiting for it to be read again.
          const { version, document } = done;
          client.setQueryData(
            queries.change(key).queryKey,
            (known) => known && { ...known, version, document },
          );
          return { step: 'comment', seq: done.seq };
        }
        default: {
          const where = `/api/v1/change-requests/{key}/${taken.step}` as const;
          const done = api.POST(where, { params: { path }, body: { message: taken.message || null } });
          return { step: taken.step, seq: (await body(done)).seq };
        }
      }
    }),
    onSettled: () => {
      for (const what of [['change', key], ['changes'], ['history'], ['board'], ['flags'], ['flag']])
        void client.invalidateQueries({ queryKey: what });
    },
  });
}
