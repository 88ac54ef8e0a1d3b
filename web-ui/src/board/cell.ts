/** A cell: a flag, with its name, at a venue. */
export type Cell = { flag: string; name: string; venue: string };

/** Tells one cell from another. */
export const cellKey = (cell: Pick<Cell, 'flag' | 'venue'>) => `${cell.flag}\n${cell.venue}`;
