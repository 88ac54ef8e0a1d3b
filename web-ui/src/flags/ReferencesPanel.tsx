import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { count, some } from '../shell/numbers';
import { Failed, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';

/** Where code names a flag, as `usher refs` has found it. */
export function ReferencesPanel({ flag }: { flag: string }) {
  const found = useQuery(queries.flagReferences(flag));
  const repositories = found.data?.repositories ?? [];
  return (
    <section className="panel" aria-labelledby="references-title">
      <h2 id="references-title">In code</h2>
      {found.isPending && <Loading what="where code names it" />}
      {found.error && <Failed error={found.error} retry={() => found.refetch()} />}
      {found.data && repositories.length === 0 && (
        <p className="soft">
          No repository has been looked through. <code>usher refs</code> in a checked-out one tells where code
          names flags.
        </p>
      )}
      {found.data && repositories.length > 0 && (
        <p className="soft">
          {found.data.total === 0 ? 'No code names it' : `Named in ${some(found.data.total, 'place')}`}.
          Looked through:{' '}
          {repositories.map((one, n) => (
            <span key={one.repository}>
              {n > 0 && ', '}
              {one.repository}
              {one.commit && ` at ${one.commit.slice(0, 12)}`} (<Time at={one.at} />)
            </span>
          ))}
        </p>
      )}
      {!!found.data?.references.length && (
        <Table label="Places in code">
          <thead>
            <tr>
              <th scope="col">Repository</th>
              <th scope="col">Place</th>
              <th scope="col">Line</th>
            </tr>
          </thead>
          <tbody>
            {found.data.references.map((one) => (
              <tr key={`${one.repository} ${one.file} ${one.line}`}>
                <td>{one.repository}</td>
                <td style={{ overflowWrap: 'anywhere' }}>
                  {one.file}:{one.line}
                </td>
                <td>
                  <code style={{ overflowWrap: 'anywhere' }}>{one.snippet}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {found.data && found.data.total > found.data.references.length && (
        <p className="soft">and {count(found.data.total - found.data.references.length)} more.</p>
      )}
    </section>
  );
}
