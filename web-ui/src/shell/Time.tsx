/** A moment, in the reader's own time zone; hovering shows it in UTC. */
export function Time({ at, seconds }: { at: string; seconds?: boolean }) {
  const words = new Date(at).toLocaleString('en-GB', {
    dateStyle: 'medium',
    timeStyle: seconds ? 'medium' : 'short',
  });
  return (
    <time dateTime={at} title={`${at} (UTC)`}>
      {words}
    </time>
  );
}
