import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { Board } from '../api/client';
import type { Cell } from './BoardPage';
import { BoardRow } from './BoardRow';
import classes from './board.module.css';
import { type Place, step } from './gridKeys';
import { byDevices, keeping } from './order';
import { COLUMN, FLAG_COLUMN, HEAD, ROW } from './sizes';
import { VenueHeads } from './VenueHeads';

type Props = { board: Board; selected: ReadonlyMap<string, Cell>; toggle: (cell: Cell) => void };

/** What is in sight, and what has the focus: that is drawn wherever it is, so that it is not lost. */
const andAlso = (index: number) => (range: Range) => {
  const shown = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || shown.includes(index)) return shown;
  return [...shown, index].sort((a, b) => a - b);
};

/** The board on a desk: only what is in sight is drawn, whatever its size. One tab stop; arrows move within. */
export function BoardGrid({ board, selected, toggle }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [kept, setKept] = useState<ReadonlyMap<string, number>>();
  const order = useMemo(
    () => (kept ? keeping(board.venues, kept) : byDevices(board.venues)),
    [board.venues, kept],
  );
  const keep = () =>
    setKept((own) => own ?? new Map(order.map((index, place) => [board.venues[index]?.key ?? '', place])));
  const size = { rows: board.flags.length, columns: order.length + 1, page: 10 };
  const [at, setAt] = useState<Place>({ row: 0, column: 1 });
  const active = { row: Math.min(at.row, size.rows - 1), column: Math.min(at.column, size.columns - 1) };
  const moved = useRef(false);
  const rows = useVirtualizer({
    count: board.flags.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
    scrollPaddingStart: HEAD,
    rangeExtractor: andAlso(active.row),
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: order.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN,
    overscan: 3,
    scrollPaddingStart: FLAG_COLUMN,
    rangeExtractor: andAlso(active.column - 1),
  });
  const shown = columns.getVirtualItems();
  const width = FLAG_COLUMN + columns.getTotalSize();

  // Once the place is drawn, the focus goes there.
  useEffect(() => {
    if (!moved.current) return;
    const place = `[data-row="${active.row}"][data-column="${active.column}"]`;
    const element = scroller.current?.querySelector<HTMLElement>(place);
    if (!element) return;
    moved.current = false;
    element.focus({ preventScroll: true });
  });
  const press = (event: KeyboardEvent) => {
    const to = step(active, event, size);
    if (!to) return;
    event.preventDefault();
    moved.current = true;
    setAt(to);
    rows.scrollToIndex(to.row);
    if (to.column > 0) columns.scrollToIndex(to.column - 1);
  };

  return (
    <section
      ref={scroller}
      className={classes.scroller}
      aria-label="Board, scrolls both ways"
      onPointerEnter={keep}
      onPointerLeave={() => scroller.current?.contains(document.activeElement) || setKept(undefined)}
      onFocus={keep}
      onBlur={(event) => event.currentTarget.contains(event.relatedTarget) || setKept(undefined)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways */}
      <div
        role="grid"
        aria-label="What each venue gets from each flag"
        aria-description="Arrow keys move, Enter chooses"
        aria-rowcount={size.rows + 1}
        aria-colcount={size.columns}
        style={{ width, height: HEAD + rows.getTotalSize(), position: 'relative' }}
        onKeyDown={press}
      >
        <VenueHeads venues={board.venues} order={order} shown={shown} />
        {rows.getVirtualItems().map((row) => {
          const flag = board.flags[row.index];
          return (
            flag && (
              <BoardRow
                key={flag.key}
                flag={flag}
                row={row}
                width={width}
                venues={board.venues}
                order={order}
                shown={shown}
                active={active}
                go={setAt}
                selected={selected}
                toggle={toggle}
              />
            )
          );
        })}
      </div>
    </section>
  );
}
