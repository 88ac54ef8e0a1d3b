import { NumberInput, Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { type AtField, BELOW, within } from '../../shell/fields';
import { number } from './change';
import { type Check, headersText, readHeaders, readValue } from './guards';
import classes from './plan.module.css';

type Props = { check: Check; at: AtField; change: (check: Check) => void };
type Part<K extends keyof Check> = {
  own: NonNullable<Check[K]>;
  at: AtField;
  set: (part: Partial<NonNullable<Check[K]>>) => void;
};

/** The fields of whatever a guard looks at. */
export function CheckFields({ check, at, change }: Props) {
  const { failures, mean, budget, prometheus, probe, webhook } = check;
  // What the server says of the check itself is shown where the kind is chosen, and of its fields here.
  if (failures) {
    return <Failures own={failures} at={at} set={(part) => change({ failures: { ...failures, ...part } })} />;
  }
  if (mean) return <Mean own={mean} at={at} set={(part) => change({ mean: { ...mean, ...part } })} />;
  if (budget)
    return <Budget own={budget} at={at} set={(part) => change({ budget: { ...budget, ...part } })} />;
  if (prometheus) {
    const set = (part: Partial<typeof prometheus>) => change({ prometheus: { ...prometheus, ...part } });
    return <Prometheus own={prometheus} at={at} set={set} />;
  }
  if (probe) return <Probe own={probe} at={at} set={(part) => change({ probe: { ...probe, ...part } })} />;
  if (webhook) return <Address url={webhook.url} at={at} set={(url) => change({ webhook: { url } })} />;
  return null;
}

function Metric({ metric, at, set }: { metric: string; at: AtField; set: (metric: string) => void }) {
  return (
    <TextInput
      label="What programs track"
      placeholder="checkout"
      required
      value={metric}
      error={at('metric')}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}

function Address({ url, at, set }: { url: string; at: AtField; set: (url: string) => void }) {
  return (
    <TextInput
      className={classes.wide}
      label="Address"
      placeholder="https://"
      required
      value={url}
      error={at('url')}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}

function Share(props: {
  label: string;
  value: number | undefined;
  error: string | undefined;
  placeholder?: string;
  set: (value: number | undefined) => void;
}) {
  return (
    <NumberInput
      label={props.label}
      placeholder={props.placeholder}
      suffix=" %"
      min={0}
      decimalScale={3}
      value={props.value ?? ''}
      error={props.error}
      onChange={(value) => props.set(number(value))}
    />
  );
}

function Failures({ own, at, set }: Part<'failures'>) {
  const fixed = own.atMost !== undefined;
  return (
    <>
      <Metric metric={own.metric} at={at} set={(metric) => set({ metric })} />
      <Select
        label="Compared with"
        allowDeselect={false}
        value={fixed ? 'fixed' : 'control'}
        data={[
          { value: 'control', label: 'the control' },
          { value: 'fixed', label: 'a fixed share' },
        ]}
        onChange={(value) =>
          set(
            value === 'fixed'
              ? { atMost: 1, tolerance: undefined }
              : { atMost: undefined, tolerance: undefined },
          )
        }
      />
      {fixed ? (
        <Share
          label="May fail at most"
          value={own.atMost}
          error={at('atMost')}
          set={(atMost) => set({ atMost: atMost ?? 0 })}
        />
      ) : (
        <Share
          label="May fail more often by"
          placeholder="Nothing"
          value={own.tolerance}
          error={at('tolerance')}
          set={(tolerance) => set({ tolerance })}
        />
      )}
    </>
  );
}

function Mean({ own, at, set }: Part<'mean'>) {
  return (
    <>
      <Metric metric={own.metric} at={at} set={(metric) => set({ metric })} />
      <Select
        label="Worse is"
        allowDeselect={false}
        value={own.worse}
        error={at('worse')}
        data={[
          { value: 'higher', label: 'higher: seconds, queues' },
          { value: 'lower', label: 'lower: sales, scans' },
        ]}
        onChange={(worse) => worse && set({ worse: worse as 'higher' | 'lower' })}
      />
      <Share
        label="May be worse by"
        placeholder="Nothing"
        value={own.tolerance}
        error={at('tolerance')}
        set={(tolerance) => set({ tolerance })}
      />
    </>
  );
}

function Budget({ own, at, set }: Part<'budget'>) {
  return (
    <>
      <Metric metric={own.metric} at={at} set={(metric) => set({ metric })} />
      <Share
        label="Is to go well"
        value={own.objective}
        error={at('objective')}
        set={(objective) => set({ objective: objective ?? 0 })}
      />
    </>
  );
}

function Prometheus({ own, at, set }: Part<'prometheus'>) {
  return (
    <>
      <Address url={own.url} at={at} set={(url) => set({ url })} />
      <TextInput
        className={classes.wide}
        label="Query"
        description="It has to give a single number"
        inputWrapperOrder={BELOW}
        required
        value={own.query}
        error={at('query')}
        onChange={(event) => set({ query: event.currentTarget.value })}
      />
      <NumberInput
        label="Breached above"
        value={own.above ?? ''}
        error={at('above')}
        onChange={(value) => set({ above: number(value) })}
      />
      <NumberInput
        label="Breached below"
        value={own.below ?? ''}
        error={at('below')}
        onChange={(value) => set({ below: number(value) })}
      />
      <TextInput
        label="For"
        placeholder="At once"
        value={own.window ?? ''}
        error={at('window')}
        onChange={(event) => set({ window: event.currentTarget.value.trim() || undefined })}
      />
    </>
  );
}

function Probe({ own, at, set }: Part<'probe'>) {
  const [headers, setHeaders] = useState(() => headersText(own.headers));
  const [wanted, setWanted] = useState(() =>
    own.expect?.equals === undefined ? '' : JSON.stringify(own.expect.equals),
  );
  const expected = within(at, 'expect');
  const expect = (part: NonNullable<typeof own.expect>) => set({ expect: { ...own.expect, ...part } });
  return (
    <>
      <Select
        label="Method"
        allowDeselect={false}
        value={own.method ?? 'GET'}
        error={at('method')}
        data={['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']}
        onChange={(method) => method && set({ method })}
      />
      <Address url={own.url} at={at} set={(url) => set({ url })} />
      <Textarea
        className={classes.wide}
        label="Headers"
        description="One a line. {variant} and {secret:NAME} are filled in."
        inputWrapperOrder={BELOW}
        autosize
        value={headers}
        error={at('headers')}
        onChange={(event) => {
          setHeaders(event.currentTarget.value);
          set({ headers: readHeaders(event.currentTarget.value) });
        }}
      />
      <Textarea
        className={classes.wide}
        label="Body"
        autosize
        value={own.body ?? ''}
        error={at('body')}
        onChange={(event) => set({ body: event.currentTarget.value || undefined })}
      />
      <NumberInput
        label="Status that is expected"
        value={own.expect?.status ?? 200}
        error={expected('status')}
        onChange={(value) => expect({ status: number(value) })}
      />
      <TextInput
        label="Place in the answer"
        placeholder="/payment/state"
        value={own.expect?.pointer ?? ''}
        error={expected('pointer') ?? expected('')}
        onChange={(event) => expect({ pointer: event.currentTarget.value || undefined })}
      />
      <TextInput
        label="What has to be there"
        placeholder="captured"
        value={wanted}
        error={expected('equals')}
        onChange={(event) => {
          setWanted(event.currentTarget.value);
          expect({ equals: event.currentTarget.value ? readValue(event.currentTarget.value) : undefined });
        }}
      />
      <NumberInput
        label="Failures in a row"
        min={1}
        value={own.failures ?? 3}
        error={at('failures')}
        onChange={(value) => set({ failures: number(value) })}
      />
      <TextInput
        label="Answered within"
        placeholder="5s"
        value={own.timeout ?? ''}
        error={at('timeout')}
        onChange={(event) => set({ timeout: event.currentTarget.value.trim() || undefined })}
      />
    </>
  );
}
