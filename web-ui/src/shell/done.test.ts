import { expect, test, vi } from 'vitest';
import { done, isUndoable } from './done';

test('what changes documents can be undone', () => {
  for (const [method, path] of [
    ['PUT', 'flags/a%2Fb'],
    ['DELETE', 'venues/anfield'],
    ['POST', 'commits'],
    ['POST', 'commits/7/undo'],
    ['POST', 'rollback'],
    ['POST', 'flags/gate/archive'],
    ['POST', 'flags/gate/environments/production/on'],
    ['POST', 'actions/off'],
    ['POST', 'change-requests/cr-1/merge'],
  ] as const)
    expect(isUndoable(method, `/api/v1/${path}`), path).toBe(true);
});

test('what stays whatever is undone, or changes nothing, can not', () => {
  for (const [method, path] of [
    ['POST', 'flags/gate/environments/production/kill'],
    ['POST', 'flags/gate/environments/production/revive'],
    ['POST', 'actions/kill'],
    ['POST', 'releases/r/start'],
    ['POST', 'rollback/preview'],
    ['POST', 'reach'],
    ['POST', 'keys'],
    ['PUT', 'users/ana'],
    ['POST', 'session'],
    ['POST', 'change-requests'],
    ['PUT', 'change-requests/cr-1'],
    ['GET', 'flags/gate'],
  ] as const)
    expect(isUndoable(method, `/api/v1/${path}`), path).toBe(false);
});

test('the last of them is known until it is forgotten', () => {
  const heard = vi.fn();
  const leave = done.subscribe(heard);
  done.tell(7);
  done.tell(9);
  expect(done.last()).toBe(9);
  done.forget();
  expect(done.last()).toBeUndefined();
  leave();
  done.tell(11);
  expect(heard).toHaveBeenCalledTimes(3);
  done.forget();
});
