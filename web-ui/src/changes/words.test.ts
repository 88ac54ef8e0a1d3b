import { expect, test } from 'vitest';
import type { ChangeRequest, Standing } from '../api/client';
import { approvalWords, mayNotApprove, mayNotDecide, roleFor, stateOf, touched, waitsFor } from './words';

const ana = { kind: 'user' as const, id: 'ana', name: 'Ana' };
const request: ChangeRequest = {
  key: 'cr-7',
  title: 'Raise the limit',
  changes: [{ put: { kind: 'flag', key: 'limit' } }, { delete: { kind: 'cohort', key: 'staff' } }],
  expected: {},
  author: ana,
  opened: '2027-05-15T17:00:00Z',
  status: 'open',
};
const lacks: Standing = { mayMerge: false, needed: 2, approvedBy: ['Ben'], reasons: ['One more.'] };
const person = (id: string, role = 'editor') => ({ id, name: id, role, bindings: [], secondFactor: false });

test('how far it has come is told', () => {
  expect(approvalWords(lacks)).toBe('1 of 2 approvals');
  expect(approvalWords({ needed: 1, approvedBy: [] })).toBe('0 of 1 approval');
  expect(approvalWords({ needed: 0, approvedBy: [] })).toBe('No approval is asked for');
  expect(touched(request.changes)).toEqual(['flag limit', 'deletes cohort staff']);
  const outcome = { result: 'missed' as const, at: '', due: '' };
  expect(
    [
      stateOf(request, lacks),
      stateOf(request, { mayMerge: true }),
      stateOf({ ...request, outcome }, lacks),
      stateOf({ ...request, status: 'closed' }, undefined),
    ].map(({ word }) => word),
  ).toEqual(['Waits', 'Approved', 'Could not be made', 'Closed']);
});

test('nobody approves what they ask for, twice, or may not do themselves', () => {
  const by = { ...ana, id: 'ben', name: 'Ben' };
  const approved = { ...request, approvals: [{ by, at: '' }] };
  expect(mayNotApprove(request, person('ana'))).toMatch(/somebody else/);
  expect(mayNotApprove(approved, person('ben'))).toBe('You have approved it.');
  expect(mayNotApprove(request, person('eve', 'operator'))).toMatch(/needs an editor/);
  expect(mayNotApprove(request, person('eve'))).toBeUndefined();
  expect(mayNotDecide(request, person('ana'))).toBeUndefined();
  const place = { ...request, changes: [{ put: { kind: 'environment', key: 'production' } }] };
  expect([roleFor(request), roleFor(place), mayNotApprove(place, person('eve'))]).toEqual([
    'editor',
    'admin',
    'What this changes needs an administrator.',
  ]);
});

test('it waits for whoever could approve it, as long as an approval is missing', () => {
  expect(waitsFor(request, lacks, person('eve'))).toBe(true);
  expect(waitsFor(request, lacks, person('ana'))).toBe(false);
  expect(waitsFor(request, { ...lacks, approvedBy: ['Ben', 'Mei'] }, person('eve'))).toBe(false);
  expect(waitsFor({ ...request, status: 'merged' }, lacks, person('eve'))).toBe(false);
});
