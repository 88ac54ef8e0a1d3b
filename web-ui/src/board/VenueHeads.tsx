import type { VirtualItem } from '@tanstack/react-virtual';
import type { BoardVenue } from '../api/client';
import { count } from '../shell/numbers';
import classes from './board.module.css';
import type { Group } from './order';
import { COLUMN, FLAG_COLUMN, GROUP, HEAD } from './sizes';

type Props = {
  venues: BoardVenue[];
  order: number[];
  /** What they stand under, if anything. */
  groups: Group[];
  shown: VirtualItem[];
  height: number;
  isPast: boolean;
};

/** The names of the venues in sight, and how many devices are there now. */
export function VenueHeads({ venues, order, groups, shown, height, isPast }: Props) {
  const [first, last] = [shown[0]?.index ?? 0, shown.at(-1)?.index ?? 0];
  const inSight = groups.filter(({ from, count }) => from <= last && from + count > first);
  const groupAt = (place: number) => inSight.find(({ from, count }) => from <= place && place < from + count);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table can't be virtualised both ways
    // biome-ignore lint/a11y/useFocusableInteractive: headings are read with their cells
    <div role="row" aria-rowindex={1} className={classes.head} style={{ height }}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
      <div
        role="columnheader"
        aria-colindex={1}
        className={classes.corner}
        style={{ width: FLAG_COLUMN, height }}
      >
        Flag
      </div>
      {/* Heads say what they stand under themselves. */}
      {inSight.map(({ label, from, count }) => (
        <div
          key={from}
          aria-hidden="true"
          className={classes.group}
          style={{ left: FLAG_COLUMN + from * COLUMN, width: count * COLUMN, height: GROUP }}
        >
          <span style={{ left: FLAG_COLUMN + 8 }}>{label}</span>
        </div>
      ))}
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
              style={{ left: FLAG_COLUMN + column.start, width: COLUMN, top: height - HEAD, height: HEAD }}
            >
              <span className={classes.venueName} title={`${venue.name}, ${venue.city}, ${venue.country}`}>
                {venue.name}
              </span>
              {groupAt(column.index) && (
                <span className="visually-hidden">{groupAt(column.index)?.label}</span>
              )}
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
