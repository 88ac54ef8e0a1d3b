import { Link } from '@tanstack/react-router';
import type { VirtualItem } from '@tanstack/react-virtual';
import type { BoardFlag, BoardVenue } from '../api/client';
import { exposureWords } from '../flags/words';
import { useEnvironment } from '../shell/environment';
import { useMayAt } from '../shell/may';
import { type Cell, cellKey } from './BoardPage';
import classes from './board.module.css';
import type { Place } from './gridKeys';
import { COLUMN, FLAG_COLUMN, HEAD, ROW } from './sizes';

type Props = {
  flag: BoardFlag;
  row: VirtualItem;
  width: number;
  venues: BoardVenue[];
  order: number[];
  shown: VirtualItem[];
  active: Place;
  go: (place: Place) => void;
  selected: ReadonlyMap<string, Cell>;
  toggle: (cell: Cell) => void;
};

/** A flag, and what the venues in sight get from it. */
export function BoardRow({ flag, row, width, venues, order, shown, active, go, selected, toggle }: Props) {
  const name = flag.name || flag.key;
  const environment = useEnvironment();
  const mayAt = useMayAt('operator');
  /** What makes something a place that arrows lead to. */
  const place = (column: number) => ({
    'data-row': row.index,
    'data-column': column,
    tabIndex: active.row === row.index && active.column === column ? 0 : -1,
    onFocus: () => go({ row: row.index, column }),
  });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways
    // biome-ignore lint/a11y/useFocusableInteractive: its cells have the focus
    <div
      role="row"
      aria-rowindex={row.index + 2}
      className={classes.row}
      style={{ top: HEAD + row.start, height: ROW, width }}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: holds a link */}
      <div role="rowheader" aria-colindex={1} className={classes.flag} style={{ width: FLAG_COLUMN }}>
        <Link
          to="/flags/$key"
          params={{ key: flag.key }}
          className={classes.flagLink}
          title={`${name} (${flag.key})`}
          {...place(0)}
        >
          {name}
        </Link>
      </div>
      {shown.map((column) => {
        const index = order[column.index] ?? 0;
        const venue = venues[index];
        const exposure = flag.outcomes[flag.cells[index] ?? 0];
        if (!venue || !exposure) return null;
        const cell = { flag: flag.key, venue: venue.key };
        const words = exposureWords(exposure);
        // What one may not change is read all the same, and has its place among the arrows.
        const mayOperate = mayAt({ environment, venue: venue.key });
        const readOnly = mayOperate ? '' : ', read only for you';
        const text = words.tone === 'killed' ? `killed: ${words.text}` : words.text;
        return (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: holds a button
          <div
            role="gridcell"
            aria-colindex={column.index + 2}
            key={venue.key}
            className={classes.cell}
            style={{ left: FLAG_COLUMN + column.start, width: COLUMN }}
          >
            <button
              type="button"
              className={classes.button}
              data-tone={words.tone}
              aria-pressed={mayOperate ? selected.has(cellKey(cell)) : undefined}
              aria-disabled={mayOperate ? undefined : true}
              aria-label={`${name} at ${venue.name}: ${words.text}, ${words.why}${readOnly}`}
              title={`${text}, ${words.why}${readOnly}`}
              data-cell={`${flag.key}@${venue.key}`}
              onClick={() => mayOperate && toggle(cell)}
              {...place(column.index + 1)}
            >
              <span className={classes.value}>{text}</span>
              {venue.connected > 0 && <span className={classes.dot} aria-hidden="true" />}
            </button>
          </div>
        );
      })}
    </div>
  );
}
