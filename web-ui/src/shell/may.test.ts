import { expect, test } from 'vitest';
import { may } from './may';

const ben = {
  role: 'viewer',
  bindings: [
    { role: 'operator' as const, environments: ['production'], venues: ['wembley'] },
    { role: 'editor' as const, environments: ['staging'] },
  ],
};

test('a role that is bound holds there and nowhere else', () => {
  expect(may(ben, 'operator', { environment: 'production', venue: 'wembley' })).toBe(true);
  expect(may(ben, 'operator', { environment: 'production', venue: 'dome' })).toBe(false);
  expect(may(ben, 'operator', { environment: 'production' })).toBe(false);
  expect(may(ben, 'editor', { environment: 'production', venue: 'wembley' })).toBe(false);
  expect(may(ben, 'operator', { environment: 'staging', venue: 'dome' })).toBe(true);
  expect(may(ben, 'editor', { environment: 'staging' })).toBe(true);
  expect(may(ben, 'viewer', { environment: 'production', venue: 'dome' })).toBe(true);
});

test('without a place it is asked whether there is any', () => {
  expect(may(ben, 'editor')).toBe(true);
  expect(may(ben, 'admin')).toBe(false);
  expect(may({ role: 'admin', bindings: [] }, 'admin', { environment: 'production' })).toBe(true);
  expect(may(undefined, 'viewer')).toBe(false);
});
