import { Modal, type ModalProps } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

type Props = { title: string; size?: ModalProps['size']; close: () => void; children: ReactNode };

/**
 * A dialog that is there as long as it is rendered. A click beside it does not lose what was typed, and the focus
 * goes back to where it came from, or to the screen when that is gone.
 */
export function Dialog({ title, size, close, children }: Props) {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      const to = before?.isConnected ? before : document.getElementById('screen');
      if (to instanceof HTMLElement) to.focus({ preventScroll: true });
    };
  }, []);
  return (
    <Modal opened onClose={close} title={title} size={size} closeOnClickOutside={false}>
      {children}
    </Modal>
  );
}
