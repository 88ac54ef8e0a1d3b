import { expect, test } from 'vitest';
import { bindingWords, rightsWords } from './rights';

test('a binding says where it holds', () => {
  const nameOf = (venue: string) => (venue === 'wembley' ? 'Wembley Stadium' : venue);
  const binding = { role: 'operator' as const, environments: ['production'], venues: ['wembley', 'dome'] };
  expect(bindingWords(binding, nameOf)).toBe('Operator at Wembley Stadium, dome, in production');
  expect(bindingWords({ role: 'editor', venues: ['wembley'] }, nameOf)).toBe('Editor at Wembley Stadium');
  expect(bindingWords({ role: 'admin', environments: ['staging'] }, nameOf)).toBe('Administrator in staging');
  expect(rightsWords('viewer', [{ role: 'editor', environments: ['staging'] }], nameOf)).toBe(
    'Viewer everywhere; Editor in staging',
  );
  expect(rightsWords('admin', undefined, nameOf)).toBe('Administrator everywhere');
});
