import type { VirtualItem } from '@tanstack/react-virtual';
import type { BoardVenue } from '../api/client';
import { count } from '../shell/numbers';
import classes from './board.module.css';
import { COLUMN, FLAG_COLUMN, HEAD } from './sizes';

type Props = { venues: BoardVenue[]; order: number[]; shown: VirtualItem[]; isPast: boolean };

/** The names of the venues in sight, and how many devices are there now. */
export function VenueHeads({ venues, order, shown, isPast }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways
    // biome-ignore lint/a11y/useFocusableInteractive: headings are read with their cells
    <div role="row" aria-rowindex={1} className={classes.head} style={{ height: HEAD }}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      <div
        role="columnheader"
        aria-colindex={1}
        className={classes.corner}
        style={{ width: FLAG_COLUMN, height: HEAD }}
      >
        Flag
      </div>
      {shown.map((column) => {
        const venue = venues[order[column.index] ?? 0];
        return (
          venue && (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: as above
            <div
              role="columnheader"
              aria-colindex={column.index + 2}
              key={venue.key}
              className={classes.venue}
              style={{ left: FLAG_COLUMN + column.start, width: COLUMN }}
            >
              <span className={classes.venueName} title={`${venue.name}, ${venue.city}, ${venue.country}`}>
                {venue.name}
              </span>
              <span className={classes.venueMore}>
                {!isPast && venue.connected > 0 && `${count(venue.connected)} devices · `}
                {venue.country}
              </span>
            </div>
          )
        );
      })}
    </div>
  );
}
