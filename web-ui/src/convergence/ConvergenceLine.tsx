import { Progress, Text } from '@mantine/core';
import { useVenueName } from './names';
import { useReport } from './report';
import { arrived, sentence } from './words';

/**
 * How far a commit has come, as one line: at a venue, or everywhere. While it moves the line is busy, so that a
 * screen reader tells how it began and how it ended, not every device.
 */
export function ConvergenceLine({ seq, venue }: { seq: number; venue?: string }) {
  const report = useReport(seq);
  const nameOf = useVenueName();
  const place = venue === undefined ? 'everywhere' : `at ${nameOf(venue)}`;
  const isThere = typeof report !== 'string';
  const part = !isThere || venue === undefined ? report : report.venues.find((one) => one.venue === venue);
  const moving = typeof part === 'object' && part.expected > 0 ? part : undefined;
  const percent = moving && arrived(moving);
  const words =
    report === 'waiting'
      ? `Saved as commit ${seq}. On its way…`
      : moving
        ? sentence(moving, place)
        : `Saved as commit ${seq}. ${venue === undefined ? 'It concerns no device that is connected' : `No devices are connected ${place}`}; those that come will have it from the start.`;
  return (
    <div style={{ marginTop: 12 }}>
      <Text
        size="sm"
        fw={moving && 600}
        role="status"
        aria-busy={percent !== undefined && percent < 100}
        data-testid={moving && 'convergence'}
      >
        {words}
      </Text>
      {percent !== undefined && (
        <Progress value={percent} mt={6} aria-label={`Arrived ${place}`} color="teal" />
      )}
    </div>
  );
}
