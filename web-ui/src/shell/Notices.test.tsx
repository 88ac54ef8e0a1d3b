import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import { Notices } from './Notices';
import { notices } from './notices';

beforeEach(() => {
  for (const { id } of notices.all()) notices.putAway(id);
});

test('a notice stays until it is put away, and outlives the page', () => {
  render(
    <MantineProvider env="test">
      <Notices />
    </MantineProvider>,
  );
  act(() => {
    notices.add({ playbook: 'gates-fail', by: 'Ana', text: 'Paper tickets' });
    notices.add({ playbook: 'gates-fail', by: 'Ana', text: 'Gate 4 is shut' });
  });
  act(() => notices.add({ schedule: 'doors-open', by: 'Ben', text: 'It was missed' }));
  expect(screen.getAllByText(/Ana ran the playbook gates-fail/)).toHaveLength(2);
  expect(screen.getByText(/By the schedule doors-open, which Ben wrote/)).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Put away: Paper tickets' }));
  expect(screen.queryByText('Paper tickets')).toBeNull();
  expect(screen.getByText('Gate 4 is shut')).toBeTruthy();
  expect(localStorage.getItem('usher.notices')).toContain('Gate 4 is shut');
});
