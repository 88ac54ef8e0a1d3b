import type { Release, ReleaseView } from '../api/client';
import { useVenueName } from '../convergence/names';
import { count } from '../shell/numbers';
import { Time } from '../shell/Time';
import classes from './releases.module.css';
import { isWatched, listWords, stageAsks, stageWords, statusOf } from './words';

type Place = 'done' | 'now' | 'next' | 'back';
const MARKS: Record<Place, string> = { done: '✓', now: '●', next: '○', back: '↩' };
const WORDS: Record<Place, string> = {
  done: 'Done',
  now: 'It is here',
  next: 'To come',
  back: 'Taken back',
};

/** “a, b and c”, however many. */
function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** The plan in its order, and where it is now. */
export function Stages({ release, view }: { release: Release; view: ReleaseView | undefined }) {
  const nameOf = useVenueName();
  const { progress } = release;
  const status = statusOf(release);
  const placeOf = (n: number): Place => {
    if (!progress) return 'next';
    if (status === 'completed') return 'done';
    if (status === 'rolledBack') return n <= progress.stage ? 'back' : 'next';
    return n < progress.stage ? 'done' : n === progress.stage ? 'now' : 'next';
  };
  return (
    <section className="panel" aria-labelledby="stages-title">
      <h2 id="stages-title">Stages</h2>
      <ol className={classes.stages}>
        {release.stages.map((stage, n) => {
          const place = placeOf(n);
          const asks = stageAsks(stage);
          const last = n === release.stages.length - 1;
          return (
            <li key={stage.name} data-place={place} aria-current={place === 'now' ? 'step' : undefined}>
              <span className={classes.mark} aria-hidden="true">
                {MARKS[place]}
              </span>
              <div style={{ minWidth: 0 }}>
                <p className={classes.stageName}>
                  {stage.name}
                  {progress && <span className="visually-hidden">: {WORDS[place]}</span>}
                </p>
                <p>{stageWords(stage, nameOf)}</p>
                {asks.length > 0 && (
                  <p className="soft">
                    {last ? 'It is complete' : 'It goes on'} when {listed(asks)}.
                  </p>
                )}
                {place === 'now' && progress && (
                  <p className={classes.now}>
                    Here since <Time at={progress.since} seconds />
                    {progress.approvedBy && `, approved by ${progress.approvedBy}`}
                    {view && isWatched(release) && (
                      <>
                        {' · '}
                        {count(view.exposures)} {view.exposures === 1 ? 'exposure' : 'exposures'}
                        {typeof view.converged === 'number' &&
                          ` · ${Number((view.converged * 100).toFixed(1))} % of devices have it`}
                      </>
                    )}
                  </p>
                )}
              </div>
            </li>
          );
        })}
      </ol>
      {!!progress?.withdrawn?.length && (
        <p className={classes.withdrawn}>
          Taken back at {listWords(progress.withdrawn.map(nameOf))}, while the others go on.
        </p>
      )}
      <Windows release={release} />
    </section>
  );
}

/** When stages may not begin. */
function Windows({ release }: { release: Release }) {
  const { notBefore, never = [], events = [] } = release;
  if (!notBefore && never.length === 0) return null;
  const whose = events.length ? ` of ${listWords(events)}` : ' of events at its venues';
  const spans = never.map(({ from, until }) => `from ${from} until ${until}`);
  return (
    <p className="soft" style={{ margin: '12px 0 0' }}>
      Stages that reach more people don’t begin{' '}
      {[...(notBefore ? [`before ${notBefore}`] : []), ...spans].join(', nor ')}
      {whose}.
    </p>
  );
}
