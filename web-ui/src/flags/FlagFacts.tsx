import { Badge, Group, Text } from '@mantine/core';
import type { Flag } from '../api/client';

/** What a flag is, in a line: its key and type, who answers for it, and how long it is meant to live. */
export function FlagFacts({ flag }: { flag: Flag }) {
  return (
    <Group gap="xs" mb="md">
      <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
        {flag.key}
      </Text>
      <Badge variant="outline" color="gray" tt="none">
        {flag.type}
      </Badge>
      {flag.lifecycle === 'archived' && (
        <span className="chip" data-tone="off">
          Archived
        </span>
      )}
      {flag.lifecycle === 'permanent' && <Text size="sm">permanent</Text>}
      {flag.owner && <Text size="sm">owned by {flag.owner}</Text>}
      {flag.clientVisible && <Text size="sm">seen by client keys</Text>}
      {(flag.minimumSchema ?? 1) > 1 && (
        <Text size="sm">off for apps before payload schema {flag.minimumSchema}</Text>
      )}
      {flag.expires && <Text size="sm">until {flag.expires}</Text>}
      {flag.tags?.map((tag) => (
        <Badge key={tag} variant="light" color="gray" tt="none">
          {tag}
        </Badge>
      ))}
    </Group>
  );
}
