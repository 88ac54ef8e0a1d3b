import { Alert, Badge, Button, Group, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useBlocker, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Flag, FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { ReleasesOf } from '../releases/ReleasesOf';
import { useEnvironment } from '../shell/environment';
import { useMay } from '../shell/may';
import { Asked, Failed, Head, Loading } from '../shell/states';
import { useAct } from './actions';
import type { Draft } from './Conflict';
import { EnvironmentStates } from './EnvironmentStates';
import { KillPanel } from './KillPanel';
import { RulesPanel } from './RulesPanel';
import { SaveDialog } from './SaveDialog';
import { Tester } from './Tester';
import { VenuesPanel } from './VenuesPanel';

export function FlagPage() {
  const { key } = useParams({ from: '/flags/$key' });
  const found = useQuery(queries.flag(key));
  const failed = found.error && <Failed error={found.error} retry={() => found.refetch()} />;
  if (found.isPending) return <Loading what="the flag" />;
  if (!found.data) return failed;
  // A draft outlives whatever goes wrong with reading the flag again.
  return (
    <>
      {failed}
      <FlagEditor key={key} flag={found.data.flag} version={found.data.version} />
    </>
  );
}

function FlagEditor({ flag, version }: { flag: Flag; version: string }) {
  const environment = useEnvironment();
  const [draft, setDraft] = useState<Draft>();
  const [saving, setSaving] = useState(false);
  const [saved, setSaved] = useState<{ seq: number; environment: string }>();
  const [asked, setAsked] = useState<string>();
  const act = useAct(environment);
  const [maySwitch, mayEdit] = [useMay('operator', { environment }), useMay('editor', { environment })];
  const shown = draft?.flag ?? flag;
  const config = shown.environments?.[environment];
  const changedBelow = draft !== undefined && draft.version !== version;
  useBlocker({
    disabled: draft === undefined,
    enableBeforeUnload: draft !== undefined,
    shouldBlockFn: ({ current, next }) =>
      current.pathname !== next.pathname && !window.confirm('Leave, and lose what you have changed here?'),
  });

  const edit = (change: (config: FlagConfig) => FlagConfig) => {
    const base = draft ?? { flag, base: flag, version };
    const own = base.flag.environments?.[environment];
    if (!own) return;
    const environments = { ...base.flag.environments, [environment]: change(own) };
    setDraft({ ...base, flag: { ...base.flag, environments } });
  };

  return (
    <>
      <Head title={flag.name || flag.key} about={flag.description}>
        <Link to="/history" search={{ flag: flag.key }} style={{ color: 'var(--on)' }}>
          History
        </Link>
      </Head>
      <Group gap="xs" mb="md">
        <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {flag.key}
        </Text>
        <Badge variant="outline" color="gray" tt="none">
          {flag.type}
        </Badge>
        {flag.owner && <Text size="sm">owned by {flag.owner}</Text>}
        {flag.clientVisible && <Text size="sm">seen by client keys</Text>}
        {flag.expires && <Text size="sm">until {flag.expires}</Text>}
        {flag.tags?.map((tag) => (
          <Badge key={tag} variant="light" color="gray" tt="none">
            {tag}
          </Badge>
        ))}
      </Group>
      {asked && draft === undefined && <Asked request={asked} />}
      <ReleasesOf flag={flag.key} />
      {draft === undefined && <EnvironmentStates flag={flag} />}
      {!config && (
        <Alert title={`Not configured in ${environment}`}>
          Code that asks for it there gets its own default.
        </Alert>
      )}
      {config && (
        <Stack gap="md">
          <section className="panel" aria-label="State">
            <Group justify="space-between">
              <Switch
                label={config.enabled ? `On in ${environment}` : `Off in ${environment}`}
                checked={config.enabled ?? false}
                disabled={act.isPending || draft !== undefined || !maySwitch}
                description={maySwitch ? undefined : 'You may not turn it on or off here.'}
                onChange={(event) =>
                  act.mutate(
                    {
                      flag: flag.key,
                      action: event.currentTarget.checked ? 'on' : 'off',
                      place: {},
                    },
                    { onSuccess: ({ seq }) => setSaved({ seq, environment }) },
                  )
                }
              />
              <Text size="sm" className="soft">
                When off: {config.offVariant}. Variants:{' '}
                {Object.entries(flag.variants)
                  .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
                  .join(', ')}
              </Text>
            </Group>
            {act.error && <Failed error={act.error} />}
            {saved?.environment === environment && <ConvergenceLine seq={saved.seq} />}
          </section>
          <KillPanel key={environment} flag={flag.key} config={flag.environments?.[environment] ?? config} />
          <RulesPanel
            flag={shown}
            config={config}
            edit={edit}
            whyNot={mayEdit ? undefined : `You may not change what is about all of ${environment}.`}
          />
          <VenuesPanel flag={shown} config={config} edit={edit} environment={environment} />
          <Tester key={`tester ${environment}`} flag={flag.key} isDraft={draft !== undefined} />
        </Stack>
      )}
      {draft && (
        <section
          className="panel"
          aria-label="Unsaved changes"
          style={{ position: 'sticky', bottom: 12, marginTop: 16, boxShadow: '0 6px 24px rgb(0 0 0 / 18%)' }}
        >
          <Group justify="space-between">
            <Text fw={600}>
              {changedBelow
                ? 'Somebody has changed this flag while you were editing.'
                : 'You have unsaved changes.'}
            </Text>
            <Group gap="sm">
              <Button variant="default" onClick={() => setDraft(undefined)}>
                Discard
              </Button>
              <Button onClick={() => setSaving(true)}>Review and save</Button>
            </Group>
          </Group>
        </section>
      )}
      {draft && saving && (
        <SaveDialog
          current={flag}
          newest={version}
          draft={draft}
          change={setDraft}
          close={() => setSaving(false)}
          saved={(seq) => {
            setSaving(false);
            setDraft(undefined);
            setSaved(seq === undefined ? undefined : { seq, environment });
          }}
          asked={(request) => {
            setSaving(false);
            setDraft(undefined);
            setAsked(request);
          }}
        />
      )}
    </>
  );
}
