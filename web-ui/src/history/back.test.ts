import { expect, test } from 'vitest';
import { backTo } from './back';

const chosen = { flag: 'gate', venue: 'anfield', environment: 'production' };
const scope = (extent: 'flag' | 'venue' | 'everything', more = {}) =>
  backTo(7, { extent, ...chosen, ...more })?.scope;

test('a scope names no more than what goes back', () => {
  expect(backTo(7, { extent: 'everything', ...chosen })?.to).toEqual({ seq: 7 });
  expect(scope('everything')).toMatchObject({ everything: true, flag: null, venue: null, environment: null });
  expect(scope('flag')).toMatchObject({ everything: false, flag: 'gate', venue: null, environment: null });
  expect(scope('venue')).toMatchObject({ flag: 'gate', venue: 'anfield', environment: 'production' });
});

test('nothing goes back before it is chosen', () => {
  expect(scope('flag', { flag: null })).toBeUndefined();
  expect(scope('venue', { venue: null })).toBeUndefined();
  expect(scope('everything', { flag: null, venue: null })).toBeDefined();
});
