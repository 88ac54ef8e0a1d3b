import { Button, Text } from '@mantine/core';

/** Leads to the provider, and back to the page that this is. */
export function ThroughProvider({ name, primary }: { name: string; primary: boolean }) {
  const here = location.pathname + location.search;
  return (
    <Button
      component="a"
      href={`/api/v1/session/oidc?to=${encodeURIComponent(here)}`}
      variant={primary ? 'filled' : 'default'}
    >
      Sign in with {name}
    </Button>
  );
}

/** Between a provider and a password. */
export function Or() {
  return (
    <Text size="sm" ta="center" className="soft">
      or
    </Text>
  );
}
