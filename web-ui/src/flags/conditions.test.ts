import { expect, test } from 'vitest';
import { attributes, editorOf, readNumber, retyped, rows, shown, typed, unrows } from './conditions';
import { OPERATORS } from './words';

test('flat conditions become rows and back, unchanged', () => {
  for (const condition of [
    { attribute: 'x', op: 'in' as const, values: ['a'] },
    { cohort: 'staff' },
    { all: [{ cohort: 'staff' }, { attribute: 'x', op: 'gt' as const, values: [1] }] },
    { any: [{ cohort: 'staff' }] },
    { all: [{ cohort: '' }, { attribute: '', op: 'in' as const, values: [] }] },
  ]) {
    const flat = rows(condition);
    expect(flat && unrows(flat)).toEqual(condition);
  }
  expect(rows(undefined)).toEqual({ join: 'all', rows: [] });
});

test('what rows can not show is left alone', () => {
  expect(rows({ not: { cohort: 'staff' } })).toBeUndefined();
  expect(rows({ all: [{ any: [{ cohort: 'a' }] }] })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'in', values: ['A'], ignoreCase: true })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'in', values: ['a'], dialect: 'flagd' })).toBeUndefined();
  expect(rows({ all: [{ logic: { var: 'x' } }] })).toBeUndefined();
});

test('nobody is not shown as everyone, and operators of a newer server are left alone', () => {
  expect(rows({ any: [] })).toBeUndefined();
  expect(rows({ attribute: 'x', op: 'soundsLike' as 'in', values: ['a'] })).toBeUndefined();
});

test('values are typed as their operator wants them', () => {
  expect(typed('gte', ['60000', 'x'])).toEqual([60000, 'x']);
  expect(typed('in', ['1', 'true', '"1"', 'A12'])).toEqual([1, true, '1', 'A12']);
  expect(typed('semverGte', ['3'])).toEqual(['3']);
  expect(typed('matches', ['^1$', '5'])).toEqual(['^1$', '5']);
});

test('editing one value leaves the others what they are', () => {
  const before = ['5', 5, 'true', true, 'gate 1', '"quoted"'];
  const texts = shown('in', before);
  expect(texts).toEqual(['"5"', '5', '"true"', 'true', 'gate 1', '"\\"quoted\\""']);
  expect(typed('in', [...texts, '7'], before)).toEqual([...before, 7]);
  // A number that a version is compared with is wrong, but not for this editor to change.
  expect(typed('semverEq', shown('semverEq', [3]), [3])).toEqual([3]);
});

test('attributes are read as somebody at a gate would type them', () => {
  expect(
    attributes('appVersion=3.2.0 tier=season, capacity=60000 vip=true seat="5" row="A 1" token=a=b'),
  ).toEqual({
    appVersion: '3.2.0',
    tier: 'season',
    capacity: 60000,
    vip: true,
    seat: '5',
    row: 'A 1',
    token: 'a=b',
  });
});

test('values are put in with what fits the attribute and the operator', () => {
  const of = (attribute: string) =>
    Object.fromEntries(Object.keys(OPERATORS).map((op) => [op, editorOf(attribute, op)]));
  const always = {
    ...Object.fromEntries(['lt', 'lte', 'gt', 'gte', 'modulo'].map((op) => [op, 'numbers'])),
    ...Object.fromEntries(['before', 'after'].map((op) => [op, 'times'])),
    ...Object.fromEntries(
      ['Eq', 'Lt', 'Lte', 'Gt', 'Gte', 'Tilde', 'Caret'].map((how) => [`semver${how}`, 'versions']),
    ),
    exists: 'presence',
    cidr: 'networks',
    matches: 'patterns',
  };
  const whole = (editor: string) => ({ in: editor, notIn: editor, equals: editor });
  const part = (editor: string) => ({ contains: editor, startsWith: editor, endsWith: editor });
  expect(of('tier')).toEqual({ ...always, ...whole('tags'), ...part('tags') });
  expect(of('venue')).toEqual({ ...always, ...whole('venues'), ...part('tags') });
  expect(of('venue.key')).toMatchObject(whole('venues'));
  expect(of('venue.tags')).toEqual({ ...always, ...whole('suggestions'), ...part('suggestions') });
});

test('another operator keeps every value, as it compares it', () => {
  const values = ['5', 7, true, 'gate'];
  expect(retyped('gte', values)).toEqual([5, 7, true, 'gate']);
  expect(retyped('semverGte', values)).toEqual(['5', '7', 'true', 'gate']);
  expect(retyped('before', values)).toEqual(values);
  expect(retyped('exists', values)).toEqual(values);
  // A text that looks like a number stays a text where both can be compared.
  expect(retyped('in', ['5'])).toEqual(['5']);
});

test('a number is what stays the same when it is kept', () => {
  expect(['5', ' -2.5', '+.5', '1e3', '60000'].map(readNumber)).toEqual([5, -2.5, 0.5, 1000, 60000]);
  for (const text of ['', 'x', '60,000', '3.2.0', '0x10', 'Infinity', '1e999', '9007199254740993'])
    expect(readNumber(text), text).toBeUndefined();
});
