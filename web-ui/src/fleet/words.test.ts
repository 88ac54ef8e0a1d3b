import { expect, test } from 'vitest';
import { behind, drawn, kept, standing } from './words';

test('a status that is not known is bad news', () => {
  expect(standing('ready').word).toBe('Ready');
  expect(standing('degraded').word).toBe('Can’t write');
  expect(standing('something new')).toEqual({ word: 'Failed', color: 'red' });
});

test('whoever is behind is told where it stands', () => {
  expect(behind(7, 7)).toBe('Has the newest');
  // Another server may be asked a moment earlier than the one that is newest.
  expect(behind(8, 7)).toBe('Has the newest');
  expect(behind(6, 7)).toBe('At 6 of 7');
});

test('what a journal promises is told with its weakness', () => {
  const durability = { engine: 'SQLite', sync: 'always', replicasNeeded: 0, replicas: 0 };
  expect(kept(durability)).toBe('Changes are kept in SQLite, on disk before they are acknowledged.');
  const weak = { engine: 'Redis 7.0', sync: 'everysec', replicasNeeded: 1, replicas: 2, weakness: 'Set it.' };
  expect(kept(weak)).toBe('Changes are kept in Redis 7.0, on disk everysec, with 1 of 2 replicas. Set it.');
});

test('a pool says whom it draws', () => {
  const name = (key: string) => key.toUpperCase();
  const pool = { pool: 'canary', url: 'https://canary', percent: 5 };
  expect(drawn(pool, name)).toBe('5 % of all clients');
  expect(drawn({ ...pool, venues: ['a', 'b'] }, name)).toBe('5 % of clients at A, B');
  expect(drawn({ ...pool, venues: ['a', 'b', 'c', 'd'] }, name)).toBe('5 % of clients at 4 venues');
});
