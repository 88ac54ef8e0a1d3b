import type { Release, ReleaseView } from '../api/client';
import { count } from '../shell/numbers';
import { plainly } from '../shell/plainly';
import { GuardChart } from './GuardChart';
import { pastOf } from './past';
import classes from './releases.module.css';
import { durationWords, guardWord, guardWords, isWatched, SCOPES, thenWords } from './words';

const UNKNOWN = {
  pause: 'it pauses',
  rollBack: 'it is rolled back',
  ignore: 'it goes on without it',
} as const;

/** How much was seen with the variant, and how much a guard asks for before a stage goes on. */
function sampleWords(seen: number | undefined, needed: number | undefined): string {
  const asks = needed ? `${count(needed)} are needed before a stage goes on` : '';
  if (seen === undefined) return `Of the variant, ${asks}.`;
  return `${count(seen)} seen with the variant${asks ? `; ${asks}` : ''}.`;
}

/** What is watched, what is seen of it, and what follows. */
export function Guards({ release, view }: { release: Release; view: ReleaseView | undefined }) {
  const guards = release.guards ?? [];
  const watched = isWatched(release);
  return (
    <section className="panel" aria-labelledby="guards-title">
      <h2 id="guards-title">Guards</h2>
      {guards.length === 0 ? (
        <p className={`soft ${classes.about}`}>
          It has none: nothing takes it back by itself, and it goes on as soon as a stage has had its time.
        </p>
      ) : (
        <p className={`soft ${classes.about}`}>
          Looked at every {durationWords(release.lookEvery ?? '15s')}. When one is breached,{' '}
          {SCOPES[release.rollback ?? 'all']}, unless it says otherwise.
        </p>
      )}
      <ul className={classes.guards}>
        {guards.map((guard, n) => {
          const seen = watched ? view?.guards.find((one) => one.name === guard.name) : undefined;
          const state = seen && guardWord(seen.state);
          const sample = seen?.figure?.sample;
          return (
            <li key={guard.name} data-guard={guard.name}>
              <div className={classes.guardHead}>
                <b>{guard.name}</b>
                {state && (
                  <span className="chip" data-tone={state.tone}>
                    {state.word}
                  </span>
                )}
              </div>
              {seen && <p className={classes.seen}>{plainly(seen.detail)}</p>}
              <p className="soft">
                {guardWords(guard)} {thenWords(guard)} With nothing to say for{' '}
                {durationWords(guard.unknownAfter ?? '5m')}, {UNKNOWN[guard.whenUnknown ?? 'pause']}.
              </p>
              {(sample !== undefined || !!guard.minimumSample) && (
                <p className="soft">{sampleWords(sample, guard.minimumSample)}</p>
              )}
              {watched && view?.past && <GuardChart guard={guard} points={pastOf(view.past, n)} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
