/** A place in the grid: rows are flags; column 0 is the flag's own, the others are venues. */
export type Place = { row: number; column: number };

/** Where a key leads from `at`, in a grid of so many rows and columns; undefined for keys that lead nowhere. */
export function step(
  at: Place,
  { key, ctrlKey }: { key: string; ctrlKey: boolean },
  size: { rows: number; columns: number; page: number },
): Place | undefined {
  const to = ((): Place | undefined => {
    switch (key) {
      case 'ArrowUp':
        return { ...at, row: at.row - 1 };
      case 'ArrowDown':
        return { ...at, row: at.row + 1 };
      case 'ArrowLeft':
        return { ...at, column: at.column - 1 };
      case 'ArrowRight':
        return { ...at, column: at.column + 1 };
      case 'PageUp':
        return { ...at, row: at.row - size.page };
      case 'PageDown':
        return { ...at, row: at.row + size.page };
      case 'Home':
        return { row: ctrlKey ? 0 : at.row, column: 0 };
      case 'End':
        return { row: ctrlKey ? size.rows - 1 : at.row, column: size.columns - 1 };
      default:
        return undefined;
    }
  })();
  const within = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
  return to && { row: within(to.row, size.rows), column: within(to.column, size.columns) };
}
