import type { VirtualItem } from '@tanstack/react-virtual';
import { type MouseEvent, memo } from 'react';
import type { BoardFlag, BoardVenue } from '../api/client';
import type { Spot } from '../shell/may';
import { BoardCell } from './BoardCell';
import classes from './board.module.css';
import { type Cell, cellKey } from './cell';
import { FLAG_COLUMN, ROW } from './sizes';

type Props = {
  /** Not there while it is on its way. */
  flag: BoardFlag | undefined;
  index: number;
  start: number;
  width: number;
  environment: string;
  venues: BoardVenue[];
  order: number[];
  shown: VirtualItem[];
  /** The column that has the tab stop, when it is in this row. */
  active: number | undefined;
  selected: ReadonlyMap<string, Cell>;
  mayAt: (spot: Spot) => boolean;
  isPast: boolean;
  /** Whether it stands here because somebody wants to see it first. */
  isPinned: boolean;
  toggle: (cell: Cell) => void;
  open: (flag: string) => void;
};

/** A flag, and what the venues in sight get from it. Drawn anew only when something of it is new. */
export const BoardRow = memo(function BoardRow(props: Props) {
  const { flag, index, start, width, environment, venues, order, shown, active, selected } = props;
  const name = flag && (flag.name || flag.key);
  // The router's own links are dear, and here they come and go as fast as one scrolls.
  const follow = (event: MouseEvent) => {
    if (!flag || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    props.open(flag.key);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways
    // biome-ignore lint/a11y/useFocusableInteractive: its cells have the focus
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-busy={flag ? undefined : true}
      className={classes.row}
      data-pinned={props.isPinned || undefined}
      style={{ top: start, height: ROW, width }}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: holds a link */}
      <div role="rowheader" aria-colindex={1} className={classes.flag} style={{ width: FLAG_COLUMN }}>
        <a
          href={flag && `/flags/${encodeURIComponent(flag.key)}`}
          className={classes.flagLink}
          title={flag && `${name} (${flag.key})`}
          data-row={index}
          data-column={0}
          data-waits={flag ? undefined : ''}
          tabIndex={active === 0 ? 0 : -1}
          onClick={follow}
        >
          {name ?? '…'}
        </a>
      </div>
      {shown.map((column) => {
        const at = order[column.index] ?? 0;
        const venue = venues[at];
        if (!venue) return null;
        // What one may not change is read all the same, and has its place among the arrows.
        const may = props.mayAt({ environment, venue: venue.key });
        return (
          <BoardCell
            key={venue.key}
            flag={flag}
            venue={venue}
            at={at}
            row={index}
            column={column.index + 1}
            start={column.start}
            hasTabStop={active === column.index + 1}
            isSelected={flag !== undefined && selected.has(cellKey({ flag: flag.key, venue: venue.key }))}
            readOnly={props.isPast ? ', as it was' : may ? '' : ', read only for you'}
            isPast={props.isPast}
            toggle={props.toggle}
          />
        );
      })}
    </div>
  );
});
