import { useMemo } from 'react';
import { count } from '../shell/numbers';
import { diffLines } from './lines';

/** Lines around a change that are shown with it. */
const CONTEXT = 2;
/** Lines that are shown: nobody reads more, and a page has to stay quick. */
const SHOWN = 2_000;

/** What changes, line by line; unchanged stretches are left out. */
export function Diff({ before, after }: { before: unknown; after: unknown }) {
  const shown = useMemo(() => nearChanges(before, after), [before, after]);
  if (shown.length === 0) return <p className="soft">Nothing changes.</p>;
  return (
    <>
      <pre className="diff">
        {shown
          .slice(0, SHOWN)
          .map((line) =>
            line.kind === 'added' ? (
              <ins key={line.n}>+ {line.line}</ins>
            ) : line.kind === 'removed' ? (
              <del key={line.n}>− {line.line}</del>
            ) : (
              <span key={line.n}>{`  ${line.line}`}</span>
            ),
          )}
      </pre>
      {shown.length > SHOWN && <p className="soft">and {count(shown.length - SHOWN)} more lines</p>}
    </>
  );
}

/** The lines that change, with those around them. */
function nearChanges(before: unknown, after: unknown) {
  const text = (value: unknown) =>
    value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
  const lines = diffLines(text(before), text(after)).map((line, n) => ({ ...line, n }));
  const near = (n: number) =>
    lines.slice(Math.max(0, n - CONTEXT), n + CONTEXT + 1).some((one) => one.kind !== 'same');
  return lines.filter((line) => line.kind !== 'same' || near(line.n));
}
