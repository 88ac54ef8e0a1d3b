import { memo } from 'react';
import type { BoardFlag, BoardVenue } from '../api/client';
import { exposureWords } from '../flags/words';
import classes from './board.module.css';
import type { Cell } from './cell';
import { COLUMN, FLAG_COLUMN } from './sizes';

type Props = {
  /** Not there while it is on its way. */
  flag: BoardFlag | undefined;
  venue: BoardVenue;
  /** The venue's place among all. */
  at: number;
  row: number;
  column: number;
  start: number;
  hasTabStop: boolean;
  isSelected: boolean;
  /** Why it can't be chosen, as words that follow others; nothing where it can. */
  readOnly: string;
  /** A board of the past tells nothing of devices that are there now. */
  isPast: boolean;
  toggle: (cell: Cell) => void;
};

/** What a venue gets from a flag. Hundreds are in sight, so one is drawn anew only when something of it is new. */
export const BoardCell = memo(function BoardCell(props: Props) {
  const { flag, venue, at, row, column, start, hasTabStop, isSelected, readOnly, isPast, toggle } = props;
  const exposure = flag?.outcomes[flag.cells[at] ?? 0];
  const words = exposure && exposureWords(exposure);
  const name = flag && (flag.name || flag.key);
  const text = words?.tone === 'killed' ? `killed: ${words.text}` : words?.text;
  const mayChange = words !== undefined && !readOnly;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways
    // biome-ignore lint/a11y/useFocusableInteractive: holds a button
    <div
      role="gridcell"
      aria-colindex={column + 1}
      className={classes.cell}
      style={{ left: FLAG_COLUMN + start, width: COLUMN }}
    >
      <button
        type="button"
        className={classes.button}
        tabIndex={hasTabStop ? 0 : -1}
        aria-label={
          words
            ? `${name} at ${venue.name}: ${words.text}, ${words.why}${readOnly}`
            : `${venue.name}: on its way`
        }
        aria-pressed={mayChange ? isSelected : undefined}
        aria-disabled={mayChange ? undefined : true}
        title={words && `${text}, ${words.why}${readOnly}`}
        data-tone={words?.tone ?? 'waits'}
        data-waits={words ? undefined : ''}
        data-devices={!isPast && venue.connected > 0 ? '' : undefined}
        data-cell={flag && `${flag.key}@${venue.key}`}
        data-row={row}
        data-column={column}
        onClick={() => mayChange && flag && toggle({ flag: flag.key, name: name ?? '', venue: venue.key })}
      >
        <span className={classes.value}>{text}</span>
      </button>
    </div>
  );
});
