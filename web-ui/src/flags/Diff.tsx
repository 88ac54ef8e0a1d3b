import { diffLines } from './words';

/** Lines around a change that are shown with it. */
const CONTEXT = 2;

/** What changes, line by line; unchanged stretches are left out. */
export function Diff({ before, after }: { before: unknown; after: unknown }) {
  const text = (value: unknown) =>
    value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
  const lines = diffLines(text(before), text(after)).map((line, n) => ({ ...line, n }));
  const near = (n: number) =>
    lines.slice(Math.max(0, n - CONTEXT), n + CONTEXT + 1).some((one) => one.kind !== 'same');
  const shown = lines.filter((line) => line.kind !== 'same' || near(line.n));
  if (shown.length === 0) return <p className="soft">Nothing changes.</p>;
  return (
    <pre className="diff">
      {shown.map((line) =>
        line.kind === 'added' ? (
          <ins key={line.n}>+ {line.line}</ins>
        ) : line.kind === 'removed' ? (
          <del key={line.n}>− {line.line}</del>
        ) : (
          <span key={line.n}>{`  ${line.line}`}</span>
        ),
      )}
    </pre>
  );
}
