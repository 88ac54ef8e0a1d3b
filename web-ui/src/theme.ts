import { createTheme, type MantineColorsTuple, Modal } from '@mantine/core';

const teal: MantineColorsTuple = [
  '#e6f5f3',
  '#cfe7e4',
  '#a0cfc9',
  '#6db6ad',
  '#459f94',
  '#2b9085',
  '#18796f',
  '#0f635b',
  '#0f4c47',
  '#073733',
];

/** A control room: quiet surfaces, one accent, numbers that stand still. */
export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 7,
  colors: { teal },
  fontFamily: 'Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
  headings: { fontWeight: '650' },
  components: { Modal: Modal.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }) },
});
