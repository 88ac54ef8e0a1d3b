import { expect, test } from 'vitest';
import type { BoardFlag, BoardVenue } from '../api/client';
import { csv, json } from '../shell/export/table';
import { columnsOf } from './export';

const venue = (key: string, connected: number): BoardVenue => ({
  key,
  name: key.toUpperCase(),
  city: '',
  country: '',
  tags: [],
  connected,
});
const flag: BoardFlag = {
  key: 'gate',
  name: 'Gate, offline',
  type: 'boolean',
  version: 3,
  configured: true,
  enabled: true,
  killed: { all: false, venues: ['b'], cohorts: [] },
  tags: [],
  outcomes: [
    { source: 'default', variant: 'on' },
    { source: 'killed', variant: 'off' },
  ],
  cells: [0, 1, 0],
};
const board = { venues: [venue('a', 0), venue('b', 7), venue('c', 2)] };

test('a board is exported with its columns in order, and only those that are shown', () => {
  expect(csv(columnsOf(board, ''), [flag])).toBe(
    '\uFEFFFlag,Name,B,C,A\r\ngate,"Gate, offline",killed: off,on,on\r\n',
  );
  expect(JSON.parse(json(columnsOf(board, 'b'), [flag]))).toEqual([
    { flag: 'gate', name: 'Gate, offline', 'venue:b': 'killed: off' },
  ]);
});

test('a venue that is called as a column of the flag has its own', () => {
  const [exported] = JSON.parse(json(columnsOf({ venues: [venue('name', 0)] }, ''), [flag]));
  expect(exported).toEqual({ flag: 'gate', name: 'Gate, offline', 'venue:name': 'on' });
});
