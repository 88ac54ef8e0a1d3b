import { expect, test } from 'vitest';
import { appsWords } from './apps';

test('the board says which schema each app speaks', () => {
  expect(appsWords([])).toBe('');
  const app = (version: string | undefined, schema: number, count: number) => ({
    sdk: 'usher-rust/0.1.0',
    version,
    schema,
    count,
  });
  const apps = [
    app('3.0.0', 1, 3),
    app('3.1.0', 2, 1_200),
    app(undefined, 2, 7),
    { ...app('3.1.0', 2, 5), sdk: 'other' },
  ];
  expect(appsWords(apps)).toBe(
    '3.1.0 on schema 2: 1,205 · usher-rust/0.1.0 on schema 2: 7 · 3.0.0 on schema 1: 3',
  );
  expect(appsWords([...apps, app('2', 1, 2), app('1', 1, 1)])).toContain('1 more version');
});
