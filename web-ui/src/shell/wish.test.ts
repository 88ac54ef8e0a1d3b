import { expect, test, vi } from 'vitest';
import type { Flag } from '../api/client';
import { type Refused, readWish, wishTitle } from './wish';

const flag: Flag = {
  key: 'gate',
  type: 'boolean',
  variants: { no: false, yes: true },
  environments: { production: { enabled: true, offVariant: 'no', venues: { anfield: 'no' } } },
};
const find = async () => ({ flag, version: '"7"' });
const restored = { changes: [{ delete: { kind: 'flag', key: 'gate' } }], expected: { 'flag/gate': 7 } };
const restore = vi.fn(async () => restored);
const refused = (method: string, path: string, more: Partial<Refused> = {}): Refused => ({
  method,
  path: `/api/v1/${path}`,
  body: undefined,
  match: undefined,
  isNew: false,
  ...more,
});
const read = (own: Refused) => readWish(own, { find, restore });

test('a document that could not be saved is asked for, over the version that was seen', async () => {
  const wish = await read(refused('PUT', 'flags/gate', { body: flag, match: '"6"' }));
  expect(wish).toEqual({ changes: [{ put: { kind: 'flag', ...flag } }], expected: { 'flag/gate': 6 } });
  const body = { key: 'a/b', name: 'Staff' };
  const made = await read(refused('PUT', 'cohorts/a%2Fb', { body, isNew: true }));
  expect(made).toEqual({ changes: [{ put: { kind: 'cohort', ...body } }], expected: { 'cohort/a/b': 0 } });
  const gone = await read(refused('DELETE', 'schedules/doors'));
  expect(gone).toEqual({ changes: [{ delete: { kind: 'schedule', key: 'doors' } }], expected: {} });
  expect([wish, made, gone].map((one) => one && wishTitle(one))).toEqual([
    'Change gate',
    'Change Staff',
    'Delete doors',
  ]);
});

test('what is done with a flag in a hurry is asked for as the flag that it would make', async () => {
  const after = async (action: string, body: unknown) => {
    const wish = await read(refused('POST', `flags/gate/environments/production/${action}`, { body }));
    const put = wish?.changes[0]?.put as Flag | undefined;
    return put && { ...put.environments?.production, version: wish?.expected['flag/gate'] };
  };
  const before = { ...flag.environments?.production, version: 7 };
  expect(await after('off', { venues: [] })).toEqual({ ...before, enabled: false });
  expect(await after('on', { venues: ['dome'], variant: null })).toEqual({
    ...before,
    venues: { anfield: 'no', dome: 'yes' },
  });
  expect(await after('clear', { venues: ['anfield'] })).toEqual({ ...before, venues: {} });
  // What is saved revives nothing, so a revival can't be asked for.
  expect(await after('revive', { venues: ['anfield'] })).toBeUndefined();
});

test('what is more than documents can say is not asked for', async () => {
  expect(await read(refused('POST', 'releases/r/start', { body: {} }))).toBeUndefined();
});

test('what would be taken back is asked for as the server tells it', async () => {
  const undo = refused('POST', 'commits/7/undo', { body: { force: true, message: null } });
  expect(await read(undo)).toEqual(restored);
  expect(restore).toHaveBeenLastCalledWith({ undo: { seq: 7, force: true } });
  const back = { to: { seq: 3 }, scope: { everything: true } };
  expect(await read(refused('POST', 'rollback', { body: { ...back, message: 'why' } }))).toEqual(restored);
  expect(restore).toHaveBeenLastCalledWith({ rollback: back });
});

test('many changes at once are asked for as they are', async () => {
  const changes = restored.changes;
  const body = { message: 'Many', changes, expected: { 'flag/gate': 7 } };
  expect(await read(refused('POST', 'commits', { body }))).toEqual(restored);
  expect(await read(refused('POST', 'commits', { body: { message: 'Many', changes } }))).toEqual({
    changes,
    expected: {},
  });
});

test('what is done with many flags is asked for as the flags that it would make', async () => {
  const flags = [{ key: 'gate', venues: ['anfield', 'dome'] }];
  const wish = await read(refused('POST', 'actions/on', { body: { environment: 'production', flags } }));
  const put = wish?.changes[0]?.put as Flag | undefined;
  expect(put?.environments?.production?.venues).toEqual({ anfield: 'yes', dome: 'yes' });
  expect(wish?.expected).toEqual({ 'flag/gate': 7 });
  const body = { environment: 'production', flags };
  expect(await read(refused('POST', 'actions/kill', { body }))).toBeUndefined();
});
