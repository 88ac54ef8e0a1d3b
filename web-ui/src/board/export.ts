import { api, type Board, type BoardFlag, body } from '../api/client';
import type { BoardQuery } from '../api/queries';
import { exposureWords } from '../flags/words';
import type { Column, Table } from '../shell/export/table';
import { byDevices, fitting } from './order';

/** Most cells in a file: more is no table that anybody opens. */
export const MAX_CELLS = 1_000_000;
/** Flags that the server tells of at a time. */
const AT_ONCE = 500;

/**
 * What the board shows as a table: a line a flag, a column a venue, in each cell what the venue gets. All of it is as
 * of one commit, whatever happens while it is fetched.
 */
export async function boardTable(
  { environment, search, owner, tag, at }: BoardQuery,
  venueSearch: string,
): Promise<Table<BoardFlag>> {
  const part = (offset: number, seq: number | undefined) =>
    body(
      api.GET('/api/v1/board', {
        params: {
          query: {
            environment,
            search: search || undefined,
            owner: owner ?? undefined,
            tag: tag ?? undefined,
            at: seq?.toString(),
            offset,
            limit: AT_ONCE,
            venueLimit: 5000,
            venueHeads: offset === 0,
          },
        },
      }),
    );
  const first = await part(0, at);
  const rows = [...first.flags];
  while (rows.length < first.totalFlags) {
    const { flags } = await part(rows.length, first.seq);
    if (flags.length === 0) break;
    rows.push(...flags);
  }
  return { columns: columnsOf(first, venueSearch), rows };
}

/** Two columns for the flag, and one for each venue that a search finds, in the order of the board. */
export function columnsOf({ venues }: Pick<Board, 'venues'>, venueSearch: string): Column<BoardFlag>[] {
  const order = byDevices(venues, fitting(venues, venueSearch));
  return [
    { key: 'flag', title: 'Flag', of: (flag) => flag.key },
    { key: 'name', title: 'Name', of: (flag) => flag.name },
    ...order.map((index) => ({
      // No venue's key has a colon, so none is taken for a column of the flag.
      key: `venue:${venues[index]?.key ?? ''}`,
      title: venues[index]?.name ?? '',
      of: (flag: BoardFlag) => gets(flag, index),
    })),
  ];
}

function gets(flag: BoardFlag, venue: number): string {
  const exposure = flag.outcomes[flag.cells[venue] ?? 0];
  if (!exposure) return '';
  const { text, tone } = exposureWords(exposure);
  return tone === 'killed' ? `killed: ${text}` : text;
}
