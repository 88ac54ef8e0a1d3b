import { Alert, Button, Group, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useBlocker, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Flag, FlagConfig } from '../api/client';
import { queries } from '../api/queries';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { EvaluationsPanel } from '../evaluations/EvaluationsPanel';
import { ReleasesOf } from '../releases/ReleasesOf';
import { useEnvironment } from '../shell/environment';
import { useMay, useMayEverywhere } from '../shell/may';
import { Asked, Failed, Head, Loading } from '../shell/states';
import { AboutPanel } from './AboutPanel';
import { ArchiveDialog } from './ArchiveDialog';
import { useAct } from './actions';
import type { Draft } from './Conflict';
import { EnvironmentStates } from './EnvironmentStates';
import { FlagFacts } from './FlagFacts';
import { KillPanel } from './KillPanel';
import { ReferencesPanel } from './ReferencesPanel';
import { RulesPanel } from './RulesPanel';
import { SaveDialog } from './SaveDialog';
import { Tester } from './Tester';
import { VenuesPanel } from './VenuesPanel';

type Edit = (change: (config: FlagConfig) => FlagConfig) => void;

/** A flag with a change of what it is in one environment, where it is in it. */
function inEnvironment(flag: Flag, environment: string, change: (config: FlagConfig) => FlagConfig): Flag {
  const own = flag.environments?.[environment];
  return own ? { ...flag, environments: { ...flag.environments, [environment]: change(own) } } : flag;
}

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
  const [archiving, setArchiving] = useState(false);
  const act = useAct(environment);
  const [maySwitch, mayEdit] = [useMay('operator', { environment }), useMay('editor', { environment })];
  const mayDescribe = useMayEverywhere('editor');
  const isArchived = flag.lifecycle === 'archived';
  const shown = draft?.flag ?? flag;
  const config = shown.environments?.[environment];
  const changedBelow = draft !== undefined && draft.version !== version;
  useBlocker({
    disabled: draft === undefined,
    enableBeforeUnload: draft !== undefined,
    shouldBlockFn: ({ current, next }) =>
      current.pathname !== next.pathname && !window.confirm('Leave, and lose what you have changed here?'),
  });

  const editFlag = (change: (flag: Flag) => Flag) => {
    const base = draft ?? { flag, base: flag, version };
    setDraft({ ...base, flag: change(base.flag) });
  };
  const edit: Edit = (change) => editFlag((before) => inEnvironment(before, environment, change));
  // What is typed in a dialog is about the flag, and the environment, that it was opened for.
  const begin = (): Edit => {
    const seen = { flag, base: flag, version };
    return (change) =>
      setDraft((own = seen) => ({ ...own, flag: inEnvironment(own.flag, environment, change) }));
  };

  return (
    <>
      <Head title={flag.name || flag.key} about={flag.description}>
        <Link to="/history" search={{ flag: flag.key }} style={{ color: 'var(--on)' }}>
          History
        </Link>
        {mayDescribe && !isArchived && (
          <Button variant="default" disabled={draft !== undefined} onClick={() => setArchiving(true)}>
            Archive
          </Button>
        )}
      </Head>
      <FlagFacts flag={flag} />
      {asked && draft === undefined && <Asked request={asked} />}
      <ReleasesOf flag={flag.key} />
      {draft === undefined && <EnvironmentStates flag={flag} />}
      {!config && (
        <Alert title={`Not configured in ${environment}`}>
          Code that asks for it there gets its own default.
        </Alert>
      )}
      {/* One stack: the kill is at hand down to its end. */}
      <Stack gap="md">
        {config && (
          <>
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
            <KillPanel
              key={environment}
              flag={flag.key}
              config={flag.environments?.[environment] ?? config}
            />
            <RulesPanel
              flag={shown}
              config={config}
              edit={edit}
              begin={begin}
              whyNot={mayEdit ? undefined : `You may not change what is about all of ${environment}.`}
            />
            <VenuesPanel flag={shown} config={config} edit={edit} environment={environment} />
            <Tester key={`tester ${environment}`} flag={flag.key} isDraft={draft !== undefined} />
          </>
        )}
        {config && <EvaluationsPanel key={environment} flag={flag.key} environment={environment} />}
        <ReferencesPanel flag={flag.key} />
        {mayDescribe && !isArchived && <AboutPanel flag={shown} edit={editFlag} />}
      </Stack>
      {archiving && (
        <ArchiveDialog
          flag={flag.key}
          close={() => setArchiving(false)}
          archived={(seq) => {
            setArchiving(false);
            setSaved({ seq, environment });
          }}
        />
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
