import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import type { Board, BoardVenue } from '../api/client';
import { exposureWords } from '../flags/words';
import { count } from '../shell/numbers';
import { type Cell, cellKey } from './BoardPage';
import classes from './board.module.css';

const ROW = 46;
const COLUMN = 132;
const FLAG_COLUMN = 220;
const HEAD = 72;

type Props = { board: Board; selected: ReadonlyMap<string, Cell>; toggle: (cell: Cell) => void };

/** The board on a desk: only what is in sight is drawn, whatever its size. */
export function BoardGrid({ board, selected, toggle }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  // Where devices are comes first; the server's order (by key) otherwise.
  const order = useMemo(() => byDevices(board.venues), [board.venues]);
  const rows = useVirtualizer({
    count: board.flags.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
    scrollPaddingStart: HEAD,
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: order.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN,
    overscan: 3,
    scrollPaddingStart: FLAG_COLUMN,
  });
  const shown = columns.getVirtualItems();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section ref={scroller} className={classes.scroller} tabIndex={0} aria-label="Board, scrolls both ways">
      {/* biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways */}
      <div
        role="table"
        aria-label="What each venue gets from each flag"
        aria-rowcount={board.flags.length + 1}
        aria-colcount={order.length + 1}
        style={{
          width: FLAG_COLUMN + columns.getTotalSize(),
          height: HEAD + rows.getTotalSize(),
          position: 'relative',
        }}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: as above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: a row of a static table */}
        <div role="row" aria-rowindex={1} className={classes.head} style={{ height: HEAD }}>
          {/* biome-ignore lint/a11y/useSemanticElements: as above */}
          {/* biome-ignore lint/a11y/useFocusableInteractive: a heading */}
          <div
            role="columnheader"
            aria-colindex={1}
            className={classes.corner}
            style={{ width: FLAG_COLUMN, height: HEAD }}
          >
            Flag
          </div>
          {shown.map((column) => {
            const venue = board.venues[order[column.index] ?? 0];
            return (
              venue && (
                // biome-ignore lint/a11y/useSemanticElements: as above
                // biome-ignore lint/a11y/useFocusableInteractive: a heading
                <div
                  role="columnheader"
                  aria-colindex={column.index + 2}
                  key={venue.key}
                  className={classes.venue}
                  style={{ left: FLAG_COLUMN + column.start, width: COLUMN }}
                >
                  <span
                    className={classes.venueName}
                    title={`${venue.name}, ${venue.city}, ${venue.country}`}
                  >
                    {venue.name}
                  </span>
                  <span className={classes.venueMore}>
                    {venue.connected > 0 && `${count(venue.connected)} devices · `}
                    {venue.country}
                  </span>
                </div>
              )
            );
          })}
        </div>
        {rows.getVirtualItems().map((row) => {
          const flag = board.flags[row.index];
          if (!flag) return null;
          return (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: a row of a static table
            <div
              role="row"
              aria-rowindex={row.index + 2}
              key={flag.key}
              className={classes.row}
              style={{ top: HEAD + row.start, height: ROW, width: FLAG_COLUMN + columns.getTotalSize() }}
            >
              {/* biome-ignore lint/a11y/useSemanticElements: as above */}
              {/* biome-ignore lint/a11y/useFocusableInteractive: holds a link */}
              <div role="rowheader" aria-colindex={1} className={classes.flag} style={{ width: FLAG_COLUMN }}>
                <Link
                  to="/flags/$key"
                  params={{ key: flag.key }}
                  className={classes.flagLink}
                  title={flag.key}
                >
                  {flag.name || flag.key}
                </Link>
              </div>
              {shown.map((column) => {
                const index = order[column.index] ?? 0;
                const venue = board.venues[index];
                const exposure = flag.outcomes[flag.cells[index] ?? 0];
                if (!venue || !exposure) return null;
                const cell = { flag: flag.key, venue: venue.key };
                const words = exposureWords(exposure);
                const chosen = selected.has(cellKey(cell));
                return (
                  // biome-ignore lint/a11y/useSemanticElements: as above
                  <div
                    role="cell"
                    aria-colindex={column.index + 2}
                    key={venue.key}
                    className={classes.cell}
                    style={{ left: FLAG_COLUMN + column.start, width: COLUMN }}
                  >
                    <button
                      type="button"
                      className={classes.button}
                      data-tone={words.tone}
                      aria-pressed={chosen}
                      aria-label={`${flag.name || flag.key} at ${venue.name}: ${words.text}, ${words.why}`}
                      title={words.why}
                      data-cell={`${flag.key}@${venue.key}`}
                      onClick={() => toggle(cell)}
                    >
                      <span className={classes.value}>
                        {words.tone === 'killed' ? `killed: ${words.text}` : words.text}
                      </span>
                      {venue.connected > 0 && <span className={classes.dot} aria-hidden="true" />}
                    </button>
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </section>
  );
}

function byDevices(venues: BoardVenue[]): number[] {
  return venues.map((_, n) => n).sort((a, b) => (venues[b]?.connected ?? 0) - (venues[a]?.connected ?? 0));
}
