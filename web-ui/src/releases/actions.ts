import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, body } from '../api/client';
import { useOnce } from '../api/once';

const PATHS = {
  start: '/api/v1/releases/{key}/start',
  promote: '/api/v1/releases/{key}/promote',
  approve: '/api/v1/releases/{key}/approve',
  pause: '/api/v1/releases/{key}/pause',
  resume: '/api/v1/releases/{key}/resume',
  rollback: '/api/v1/releases/{key}/rollback',
} as const;

export type StepName = keyof typeof PATHS;

/** Takes a step of a release. */
export function useStep(key: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: useOnce(({ step, message }: { step: StepName; message?: string }) =>
      body(api.POST(PATHS[step], { params: { path: { key } }, body: { message: message || null } })),
    ),
    onSettled: () => {
      for (const what of ['release', 'release-status', 'preflight'])
        void client.invalidateQueries({ queryKey: [what, key] });
      for (const what of ['releases', 'history', 'board', 'flags', 'flag'])
        void client.invalidateQueries({ queryKey: [what] });
    },
  });
}
