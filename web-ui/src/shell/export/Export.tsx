import { Alert, Button, Menu } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { csv, json, type Table } from './table';

type Props<Row> = {
  /** What the file is called, without the date and the ending. */
  name: string;
  /** What the screen shows, in its order: all that fits, also what is not drawn. */
  table: Table<Row> | (() => Promise<Table<Row>>);
  /** Why it can't be exported as it is. */
  impossible?: string;
};

const FORMATS = {
  csv: { label: 'CSV, for spreadsheets', type: 'text/csv;charset=utf-8', of: csv },
  json: { label: 'JSON, for programs', type: 'application/json', of: json },
} as const;
type Format = keyof typeof FORMATS;

/** Saves what a table shows as a file: with its filter, in its order. */
export function Export<Row>({ name, table, impossible }: Props<Row>) {
  const save = useMutation({
    mutationFn: async (format: Format) => {
      const { columns, rows } = typeof table === 'function' ? await table() : table;
      const { type, of } = FORMATS[format];
      const day = new Date().toISOString().slice(0, 10);
      download(new Blob([of(columns, rows)], { type }), `usher-${name}-${day}.${format}`);
    },
  });
  return (
    <>
      <Menu position="bottom-end" withinPortal transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <Button variant="default" loading={save.isPending}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {impossible ? (
            <Menu.Label maw={260}>{impossible}</Menu.Label>
          ) : (
            (Object.keys(FORMATS) as Format[]).map((format) => (
              <Menu.Item key={format} onClick={() => save.mutate(format)}>
                {FORMATS[format].label}
              </Menu.Item>
            ))
          )}
        </Menu.Dropdown>
      </Menu>
      {save.error && (
        <Alert color="red" title="It could not be exported" role="alert" py={4} maw={260}>
          {save.error.message}
        </Alert>
      )}
    </>
  );
}

function download(content: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has begun to save it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
