import { expect, test } from 'vitest';
import { asHeader, askForGlass, glass } from './glass';

test('a reason loses its accents, and what no header can carry is refused', () => {
  expect(asHeader(' Tür 4 klemmt – “jetzt” ')).toEqual({ text: 'Tur 4 klemmt - "jetzt"' });
  expect(asHeader('門が開かない').problem).toContain('Latin');
  expect(asHeader('x'.repeat(501)).problem).toContain('500');
});

test('where nobody can be asked the refusal stands; else one is asked after the other', async () => {
  expect(await askForGlass({ code: 'frozen' })).toBeUndefined();
  const end = glass.subscribe(() => undefined);
  const [first, second] = [askForGlass({ detail: 'a' }), askForGlass({ detail: 'b' })];
  expect(glass.waiting().map((one) => one.problem.detail)).toEqual(['a', 'b']);
  glass.waiting()[0]?.answer({ reason: 'gate 4' });
  expect(await first).toEqual({ reason: 'gate 4' });
  glass.waiting()[0]?.answer(undefined);
  expect(await second).toBeUndefined();
  end();
});
