import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { makeCache } from '../api/cache';
import { ApiError, api, type Person } from '../api/client';
import { PersonMenu } from './PersonMenu';

afterEach(() => void vi.restoreAllMocks());

const user = { id: 'ana', name: 'Ana', email: '', role: 'viewer', bindings: [], secondFactor: false };

test('a sign-out that fails says so, and can be tried again; one that is over already is one', async () => {
  const client = makeCache();
  client.setQueryData(['flag', 'seat-map'], {});
  const asked = vi
    .spyOn(api, 'DELETE')
    .mockRejectedValueOnce(new TypeError('Failed to fetch'))
    .mockRejectedValueOnce(new ApiError(401, {}));
  render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <PersonMenu user={user as unknown as Person} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Account of Ana' }));
  fireEvent.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
  await screen.findByText('You are still signed in');
  await screen.findByText('The server can’t be reached');
  // What was seen stays, for somebody still is signed in.
  expect(client.getQueryData(['flag', 'seat-map'])).toEqual({});
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(client.getQueryData(['flag', 'seat-map'])).toBeUndefined());
  expect(asked).toHaveBeenCalledTimes(2);
});
