import { Button, Group, type ModalProps, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { Dialog } from './Dialog';
import { useProblemFocus } from './fields';
import { Failed } from './states';

type Props = {
  title: string;
  size?: ModalProps['size'];
  /** What the button that saves says. */
  submit: string;
  save: { mutate: () => void; error: unknown; isPending: boolean };
  close: () => void;
  children: ReactNode;
};

/** A form in a dialog. What the server refuses is shown, and what was typed stays. */
export function FormDialog({ title, size, submit, save, close, children }: Props) {
  const form = useProblemFocus(save.error);
  return (
    <Dialog title={title} size={size} close={close}>
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          {children}
          {save.error !== null && <Failed error={save.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
