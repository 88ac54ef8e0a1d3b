import { useQueries, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import {
  type FocusEvent,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { Board, BoardFlag } from '../api/client';
import { BOARD_PAGE, type BoardQuery, queries } from '../api/queries';
import { useMayAt } from '../shell/may';
import { BoardRow } from './BoardRow';
import classes from './board.module.css';
import type { Cell } from './cell';
import { type Place, step } from './gridKeys';
import { arranged, byDevices, type GroupBy, groupsOf, keeping } from './order';
import { MOST_PINS, type Pins } from './pins';
import { COLUMN, FLAG_COLUMN, GROUP, HEAD, ROW } from './sizes';
import { VenueHeads } from './VenueHeads';

type Props = {
  query: BoardQuery;
  /** The first rows, which may still be those of the search before. */
  first: Board;
  /** What all venues are. */
  heads: Board;
  /** Which of them are shown, as indices. */
  venues: number[];
  /** What they stand together by, and what comes first. */
  by: GroupBy;
  pins: Pins;
  selected: ReadonlyMap<string, Cell>;
  toggle: (cell: Cell) => void;
};

/** What is in sight, and what has the focus: that is drawn wherever it is, so that it is not lost. */
const andAlso = (index: number) => (range: Range) => {
  const shown = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || shown.includes(index)) return shown;
  return [...shown, index].sort((a, b) => a - b);
};

/**
 * The board on a desk: only what is in sight is drawn and asked for, whatever its size. One tab stop; arrows move
 * within.
 */
export function BoardGrid({ query, first, heads, venues: fitting, by, pins, selected, toggle }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const { venues } = heads;
  const [kept, setKept] = useState<ReadonlyMap<string, number>>();
  const order = useMemo(
    () =>
      kept ? keeping(venues, fitting, kept) : arranged(venues, byDevices(venues, fitting), by, pins.venues),
    [venues, fitting, kept, by, pins.venues],
  );
  const groups = useMemo(() => groupsOf(venues, order, by, pins.venues), [venues, order, by, pins.venues]);
  const head = HEAD + (groups.length > 0 ? GROUP : 0);
  const keep = () =>
    setKept((own) => own ?? new Map(order.map((index, place) => [venues[index]?.key ?? '', place])));
  const pinned = usePinned(query, heads, pins.flags);
  const size = { rows: pinned.length + first.totalFlags, columns: order.length + 1, page: 10 };
  const [at, setAt] = useState<Place>({ row: 0, column: 1 });
  const active = { row: Math.min(at.row, size.rows - 1), column: Math.min(at.column, size.columns - 1) };
  const moved = useRef(false);
  const rows = useVirtualizer({
    count: size.rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 6,
    scrollPaddingStart: head,
    rangeExtractor: useMemo(() => andAlso(active.row), [active.row]),
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: order.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN,
    overscan: 3,
    scrollPaddingStart: FLAG_COLUMN,
    rangeExtractor: useMemo(() => andAlso(active.column - 1), [active.column]),
  });
  const shown = columns.getVirtualItems();
  const width = FLAG_COLUMN + columns.getTotalSize();
  const drawn = rows.getVirtualItems();
  const mayAt = useMayAt('operator');
  const navigate = useNavigate();
  const open = useCallback(
    (key: string) => void navigate({ to: '/flags/$key', params: { key } }),
    [navigate],
  );
  const others = drawn.map(({ index }) => index - pinned.length).filter((index) => index >= 0);
  const otherAt = useFlags(query, first, heads, others);
  const flagAt = (index: number) => pinned[index] ?? otherAt(index - pinned.length);

  // What a search finds is read from its beginning.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each search is another list
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    setAt((own) => ({ ...own, row: 0 }));
  }, [query.search, query.owner, query.tag]);
  // Once the place is drawn and holds what it is to hold, the focus stays there.
  useEffect(() => {
    if (!moved.current) return;
    const place = `[data-row="${active.row}"][data-column="${active.column}"]`;
    const element = scroller.current?.querySelector<HTMLElement>(place);
    if (!element) return;
    moved.current = element.dataset.waits !== undefined;
    element.focus({ preventScroll: true });
  });
  const enter = ({ target }: FocusEvent<HTMLElement>) => {
    keep();
    const { row, column } = target.dataset;
    if (row !== undefined && column !== undefined) setAt({ row: Number(row), column: Number(column) });
  };
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
      onFocus={enter}
      onBlur={(event) => event.currentTarget.contains(event.relatedTarget) || setKept(undefined)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways */}
      <div
        role="grid"
        aria-label="What each venue gets from each flag"
        aria-description="Arrow keys move, Enter chooses"
        aria-rowcount={size.rows + 1}
        aria-colcount={size.columns}
        style={{ width, height: head + rows.getTotalSize(), position: 'relative' }}
        onKeyDown={press}
      >
        <VenueHeads
          venues={venues}
          order={order}
          groups={groups}
          shown={shown}
          height={head}
          isPast={query.at !== undefined}
        />
        {drawn.map((row) => (
          <BoardRow
            key={row.index}
            flag={flagAt(row.index)}
            index={row.index}
            start={head + row.start}
            width={width}
            venues={venues}
            order={order}
            shown={shown}
            environment={query.environment}
            active={active.row === row.index ? active.column : undefined}
            selected={selected}
            mayAt={mayAt}
            isPast={query.at !== undefined}
            isPinned={row.index < pinned.length}
            toggle={toggle}
            open={open}
          />
        ))}
      </div>
    </section>
  );
}

/** The flags of the rows that are drawn, asked for page by page; those on their way are not there. */
function useFlags(query: BoardQuery, first: Board, heads: Board, drawn: readonly number[]) {
  const pages = [...new Set(drawn.map((index) => Math.floor(index / BOARD_PAGE)))].filter((page) => page > 0);
  const found = useQueries({
    queries: pages.map((page) => queries.boardRows({ ...query, offset: page * BOARD_PAGE })),
  });
  return (index: number) => {
    const page = Math.floor(index / BOARD_PAGE);
    const board = page === 0 ? first : found[pages.indexOf(page)]?.data;
    // Cells belong to venues by their place among them.
    return board?.venuesTag === heads.venuesTag ? board?.flags[index % BOARD_PAGE] : undefined;
  };
}

/** The flags that somebody wants to see first, as they pinned them; none while something is searched for. */
function usePinned(
  { environment, at, search, owner, tag }: BoardQuery,
  heads: Board,
  keys: readonly string[],
) {
  const isSearch = !!search || !!owner || !!tag;
  const board = useQuery({
    ...queries.boardRows({ environment, at, search: '', flags: keys.join(','), limit: MOST_PINS }),
    enabled: keys.length > 0 && !isSearch,
  }).data;
  if (isSearch || keys.length === 0 || board?.venuesTag !== heads.venuesTag) return NONE;
  const place = (flag: BoardFlag) => keys.indexOf(flag.key);
  return board.flags.filter((flag) => place(flag) >= 0).sort((a, b) => place(a) - place(b));
}

const NONE: BoardFlag[] = [];
