import { Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Release } from '../../api/client';
import { queries } from '../../api/queries';
import { type AtField, BELOW, keyOf } from '../../shell/fields';
import classes from './plan.module.css';

type Props = { plan: Release; isNew: boolean; at: AtField; set: (part: Partial<Release>) => void };

/** What is released, and where. */
export function Basics({ plan, isNew, at, set }: Props) {
  const flags = useQuery(queries.allFlags()).data?.items ?? [];
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  const [ownKey, setOwnKey] = useState(plan.key !== '');
  const flag = flags.find(({ document }) => document.key === plan.flag)?.document;
  const variants = Object.keys(flag?.variants ?? {});
  const choose = (key: string) => {
    const chosen = flags.find(({ document }) => document.key === key)?.document;
    const names = Object.keys(chosen?.variants ?? {});
    // What is served today is what those get who are not reached yet.
    const config = chosen?.environments?.[plan.environment];
    const control = config?.default?.variant ?? config?.offVariant ?? names[1] ?? '';
    set({ flag: key, control, variant: names.find((name) => name !== control) ?? '' });
  };
  return (
    <section className="panel" aria-labelledby="basics-title">
      <h2 id="basics-title">What is released</h2>
      <div className={classes.fields}>
        <TextInput
          label="Name"
          value={plan.name ?? ''}
          error={at('name')}
          onChange={(event) => {
            const name = event.currentTarget.value;
            set({ name: name || undefined, ...(ownKey ? {} : { key: keyOf(name) }) });
          }}
        />
        <TextInput
          label="Key"
          required
          disabled={!isNew}
          value={plan.key}
          error={at('key')}
          onChange={(event) => {
            setOwnKey(event.currentTarget.value !== '');
            set({ key: event.currentTarget.value });
          }}
        />
        <Select
          label="Flag"
          required
          searchable
          limit={50}
          value={plan.flag || null}
          error={at('flag')}
          onChange={(key) => key && choose(key)}
          data={flags.map(({ document }) => ({
            value: document.key,
            label: document.name || document.key,
          }))}
        />
        <Select
          label="Environment"
          required
          allowDeselect={false}
          value={plan.environment}
          error={at('environment')}
          onChange={(environment) => environment && set({ environment })}
          data={environments.map((one) => ({ value: one.key, label: one.name }))}
        />
        <Select
          label="Variant that is released"
          required
          value={plan.variant || null}
          error={at('variant')}
          onChange={(variant) => variant && set({ variant })}
          data={variants}
        />
        <Select
          label="Control"
          description="What those get who are not reached yet"
          inputWrapperOrder={BELOW}
          required
          value={plan.control || null}
          error={at('control')}
          onChange={(control) => control && set({ control })}
          data={variants}
        />
        <Textarea
          className={classes.wide}
          label="What it is for"
          autosize
          value={plan.description ?? ''}
          error={at('description')}
          onChange={(event) => set({ description: event.currentTarget.value || undefined })}
        />
      </div>
    </section>
  );
}
