import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Head } from './states';

/** Where there is no screen. */
export function NoSuchScreen() {
  return (
    <>
      <Head title="There is no such screen" />
      <p className="panel">
        The address may be misspelt. <Link to="/board">Go to the board</Link>
      </p>
    </>
  );
}

/** A screen that broke: what is wrong, and a way on. Nothing on the server has changed by it. */
export function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <main style={{ padding: 16, maxWidth: 640 }}>
      <Head title="This screen has broken" />
      <div className="panel" role="alert">
        <p style={{ marginTop: 0 }}>
          It is a fault of the page, not yours, and has changed nothing. The rest still works.
        </p>
        <pre className="diff">{error instanceof Error ? error.message : String(error)}</pre>
        <Group mt="sm">
          <Button onClick={reset}>Try again</Button>
          <Button variant="default" onClick={() => location.assign('/board')}>
            Load the board anew
          </Button>
        </Group>
      </div>
    </main>
  );
}
