import { Select, Stack } from '@mantine/core';
import { useRef } from 'react';
import type { Scalar } from '../conditions';
import { Misfits } from './Misfits';
import type { ValuesProps } from './Values';

/** Whether an attribute is there: no value and `true` say that it is, `false` that it is not. */
export function PresenceValues({ op, values, change }: ValuesProps) {
  const field = useRef<HTMLInputElement>(null);
  const place = values.findIndex((value) => typeof value === 'boolean');
  const misfits = values.filter((_, n) => n !== place);
  const says = values[place] ?? (values.length === 0 ? true : undefined);
  return (
    <Stack gap={4}>
      <Select
        ref={field}
        aria-label="Values"
        allowDeselect={false}
        placeholder="Yes or no"
        data={[
          { value: 'true', label: 'Yes' },
          { value: 'false', label: 'No, it is not' },
        ]}
        value={says === undefined ? null : String(says)}
        onChange={(chosen) => {
          const own: Scalar[] =
            chosen === 'false' ? [false] : place < 0 && misfits.length === 0 ? [] : [true];
          change([...own, ...misfits]);
        }}
      />
      <Misfits
        editor="presence"
        op={op}
        misfits={misfits}
        remove={(gone) => {
          const at = values.findIndex((value, n) => n !== place && value === gone);
          change(values.filter((_, n) => n !== at));
          field.current?.focus();
        }}
      />
    </Stack>
  );
}
