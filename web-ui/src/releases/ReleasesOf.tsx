import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '../api/queries';
import classes from './releases.module.css';
import { isWatched, STATUS, statusOf } from './words';

/** Says on a flag's page that releases are under way with it. */
export function ReleasesOf({ flag }: { flag: string }) {
  const releases = useQuery(queries.releases()).data?.items ?? [];
  const own = releases.map(({ document }) => document).filter((one) => one.flag === flag && isWatched(one));
  return own.map((release) => {
    const { tone, word } = STATUS[statusOf(release)];
    const stage = release.progress?.stage ?? 0;
    return (
      <p key={release.key} className={classes.releaseOf}>
        <span className="chip" data-tone={tone}>
          {word}
        </span>
        <span>
          The release{' '}
          <Link to="/releases/$key" params={{ key: release.key }} className="plain-link">
            {release.name || release.key}
          </Link>{' '}
          brings it to “{release.variant}” in {release.environment}: stage {stage + 1} of{' '}
          {release.stages.length}, “{release.stages[stage]?.name}”.
        </span>
      </p>
    );
  });
}
