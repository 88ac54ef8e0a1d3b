import { Progress, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { useVenueName } from './names';
import { arrived, sentence } from './words';

/** How far a commit has come, as one line: at a venue, or everywhere. */
export function ConvergenceLine({ seq, venue }: { seq: number; venue?: string }) {
  const report = useQuery(queries.convergence()).data;
  const nameOf = useVenueName();
  if (!report || report.seq < seq) {
    return (
      <Text size="sm" mt="sm" role="status">
        Saved as commit {seq}. On its way…
      </Text>
    );
  }
  const part = venue === undefined ? report : report.venues.find((one) => one.venue === venue);
  const place = venue === undefined ? 'everywhere' : `at ${nameOf(venue)}`;
  if (!part || part.expected === 0) {
    return (
      <Text size="sm" mt="sm" role="status">
        No devices are connected {place}; those that come will have it from the start.
      </Text>
    );
  }
  return (
    <div style={{ marginTop: 12 }}>
      <Text size="sm" fw={600} role="status" data-testid="convergence">
        {sentence(part, place)}
      </Text>
      <Progress value={arrived(part)} mt={6} aria-label={`Arrived ${place}`} color="teal" />
    </div>
  );
}
