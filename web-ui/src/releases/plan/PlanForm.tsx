import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useBlocker, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { api, body, type Release } from '../../api/client';
import { useOnce } from '../../api/once';
import { problemsOf, useProblemFocus, within } from '../../shell/fields';
import { Failed } from '../../shell/states';
import { Basics } from './Basics';
import { GuardFields } from './GuardFields';
import { madeOf } from './guards';
import { Parts } from './Parts';
import { StageFields } from './StageFields';
import { TemplatePicker } from './TemplatePicker';
import { Timing } from './Timing';

type Props = { initial: Release; version?: string };

/** A plan, field by field. What it does not know of a plan stays as it is. */
export function PlanForm({ initial, version }: Props) {
  const [plan, setPlan] = useState(initial);
  // What it was when it was opened: somebody else's change meanwhile is not written over.
  const [opened] = useState(version);
  const isNew = opened === undefined;
  const client = useQueryClient();
  const navigate = useNavigate();
  const saved = useRef(false);
  const set = (part: Partial<Release>) => setPlan((own) => ({ ...own, ...part }));
  const save = useMutation({
    mutationFn: useOnce((release: Release) =>
      body(
        api.PUT('/api/v1/releases/{key}', {
          params: { path: { key: release.key } },
          headers: isNew ? { 'If-None-Match': '*' } : { 'If-Match': opened },
          body: release,
        }),
      ),
    ),
    onSuccess: (_, { key }) => {
      saved.current = true;
      for (const what of [['releases'], ['release', key], ['preflight', key]])
        void client.invalidateQueries({ queryKey: what });
      void navigate({ to: '/releases/$key', params: { key } });
    },
  });
  const at = problemsOf(save.error);
  const form = useProblemFocus(save.error);
  useBlocker({
    disabled: plan === initial,
    enableBeforeUnload: plan !== initial,
    shouldBlockFn: ({ current, next }) =>
      !saved.current &&
      current.pathname !== next.pathname &&
      !window.confirm('Leave, and lose what you have planned here?'),
  });
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(plan);
      }}
    >
      <Stack gap="md">
        <Basics plan={plan} isNew={isNew} at={at} set={set} />
        {isNew && <TemplatePicker fill={set} />}
        <Parts
          title="Stages"
          noun="stage"
          about="In their order: who was reached stays reached. “Goes well for” is how long it takes before the next one begins."
          error={at('stages')}
          parts={plan.stages}
          change={(stages) => set({ stages })}
          make={() => ({ name: '' })}
        >
          {(stage, n, change) => (
            <StageFields stage={stage} at={within(at, `stages[${n}]`)} change={change} />
          )}
        </Parts>
        <Parts
          title="Guards"
          noun="guard"
          about="Watched all the while. When one is breached, the release is taken back by itself."
          error={at('guards')}
          parts={plan.guards ?? []}
          change={(guards) => set({ guards })}
          make={() => ({ name: '', check: madeOf('failures') })}
        >
          {(guard, n, change) => (
            <GuardFields guard={guard} at={within(at, `guards[${n}]`)} change={change} />
          )}
        </Parts>
        <Timing plan={plan} at={at} set={set} />
        {save.error && <Failed error={save.error} />}
        <Group justify="flex-end">
          <Text size="sm" className="soft" style={{ flex: '1 1 220px' }}>
            Saving starts nothing.
          </Text>
          <Button
            variant="default"
            onClick={() =>
              isNew
                ? navigate({ to: '/releases' })
                : navigate({ to: '/releases/$key', params: { key: plan.key } })
            }
          >
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save the plan
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
