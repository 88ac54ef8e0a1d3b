/** Sizes of the board, in pixels: what is drawn is computed from them. */
export const ROW = 46;
export const COLUMN = 132;
export const FLAG_COLUMN = 220;
export const HEAD = 72;
/** What stands over the venues of a group. */
export const GROUP = 26;
