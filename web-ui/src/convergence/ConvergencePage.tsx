import { Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ApiError } from '../api/client';
import { queries } from '../api/queries';
import { count } from '../shell/numbers';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { useVenueName } from './names';
import { arrived, millis, sentence, waitedFirst } from './words';

/** Venues that are drawn, while they move ten times a second. */
const SHOWN = 100;

/** How far the last change has come, venue by venue. */
export function ConvergencePage() {
  const convergence = useQuery(queries.convergence());
  const nameOf = useVenueName();
  const nothing = convergence.error instanceof ApiError && convergence.error.status === 404;
  // A server that has begun anew knows nothing of what was told before.
  const report = nothing ? undefined : convergence.data;
  const moving = report !== undefined && arrived(report) < 100;
  // What is told live does not name those that are waited for.
  const named = useQuery({ ...queries.convergenceOf(report?.seq ?? 0), enabled: moving });
  const laggards = moving && named.data?.seq === report.seq ? named.data.laggards : [];
  return (
    <>
      <Head title="Convergence" about={report && `Commit ${report.seq}: ${report.message}`} />
      {convergence.isPending && <Loading what="convergence" />}
      {nothing && <Empty>Nothing has been changed for devices since this server started.</Empty>}
      {convergence.error && !nothing && (
        <Failed error={convergence.error} retry={() => convergence.refetch()} />
      )}
      {report?.expected === 0 && (
        <Empty>No devices were connected then; those that came later had this change from the start.</Empty>
      )}
      {report && report.expected > 0 && (
        <div className="panel">
          <p style={{ margin: '0 0 12px', fontSize: 18, fontWeight: 650 }} role="status" aria-busy={moving}>
            {sentence(report, 'everywhere')}
          </p>
          <Table label="Convergence by venue">
            <thead>
              <tr>
                <th scope="col">Venue</th>
                <th scope="col">Devices</th>
                <th scope="col" style={{ minWidth: 140 }}>
                  Arrived
                </th>
                <th scope="col">Half</th>
                <th scope="col">99 %</th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {waitedFirst(report.venues)
                .slice(0, SHOWN)
                .map((venue) => (
                  <tr key={venue.venue}>
                    <td>{nameOf(venue.venue)}</td>
                    <td>
                      {count(venue.converged)} of {count(venue.expected - venue.left)}
                    </td>
                    <td>
                      <Progress
                        value={arrived(venue)}
                        color="teal"
                        aria-label={`Arrived at ${nameOf(venue.venue)}`}
                      />
                    </td>
                    <td>{millis(venue.p50Ms)}</td>
                    <td>{millis(venue.p99Ms)}</td>
                    <td>{millis(venue.maxMs)}</td>
                  </tr>
                ))}
            </tbody>
          </Table>
          {report.venues.length > SHOWN && (
            <p className="soft">and {count(report.venues.length - SHOWN)} more venues</p>
          )}
          {laggards.length > 0 && (
            <>
              <h2 style={{ fontSize: 17 }}>Still waited for</h2>
              <ul>
                {laggards.map((one) => (
                  <li key={one.connection}>
                    {one.devices > 1 ? `${count(one.devices)} devices behind ${one.connection}` : one.sdk}{' '}
                    {one.venue ? `at ${nameOf(one.venue)}` : ''}: has commit {one.ackedSeq}, for{' '}
                    {millis(one.ageMs)}
                  </li>
                ))}
              </ul>
            </>
          )}
        </div>
      )}
    </>
  );
}
