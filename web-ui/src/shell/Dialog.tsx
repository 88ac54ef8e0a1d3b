import { Modal, type ModalProps } from '@mantine/core';
import { type MouseEvent, type ReactNode, useRef } from 'react';
import { useFocusBack } from './focus';

type Props = { title: string; size?: ModalProps['size']; close: () => void; children: ReactNode };

/**
 * A dialog that is there as long as it is rendered. A click beside it does not lose what was typed, nor does Escape
 * before somebody has said so, and the focus goes back to where it came from, or to the screen when that is gone.
 */
export function Dialog({ title, size, close, children }: Props) {
  useFocusBack();
  const touched = useRef(false);
  const touch = () => {
    touched.current = true;
  };
  // What is chosen from a list is not typed, and a list is drawn elsewhere; its events come through here all the same.
  const chosen = ({ target }: MouseEvent) => {
    if (target instanceof Element && target.closest('[role="option"]')) touch();
  };
  const leave = () => {
    if (!touched.current || window.confirm('Close this, and lose what you have put in here?')) close();
  };
  return (
    <Modal
      opened
      onClose={leave}
      onInput={touch}
      onClick={chosen}
      title={title}
      size={size}
      closeOnClickOutside={false}
    >
      {children}
    </Modal>
  );
}
