import { Button, Group, Text } from '@mantine/core';
import { type Editor, type Scalar, shown } from '../conditions';
import { wrongWords } from './checks';

type Props = { editor: Editor; op: string; misfits: Scalar[]; remove: (value: Scalar) => void };

/** Values that an editor has no field for: they stay until somebody takes them away. */
export function Misfits({ editor, op, misfits, remove }: Props) {
  if (misfits.length === 0) return null;
  return (
    <div>
      <Text size="xs" role="status" style={{ overflowWrap: 'anywhere' }}>
        Warning: {wrongWords(editor, misfits) || 'Only one of these values can be meant.'}
      </Text>
      <Group gap={4} mt={4}>
        {shown(op, misfits).map((text, n) => (
          <Button
            // biome-ignore lint/suspicious/noArrayIndexKey: the same value can be there twice
            key={n}
            size="compact-sm"
            variant="default"
            aria-label={`Remove the value ${text}`}
            onClick={() => remove(misfits[n] as Scalar)}
          >
            {text} ✕
          </Button>
        ))}
      </Group>
    </div>
  );
}
