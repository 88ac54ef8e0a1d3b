import type { Guard } from '../api/client';
import { chartWords, clock, figureWords, HEIGHT, lines, stretches, WIDTH } from './chart';
import type { Point } from './past';
import classes from './releases.module.css';
import { guardWord } from './words';

const LABELS = { variant: 'variant', control: 'control', bound: 'allowed' } as const;

/** What one guard has seen over time: numbers where there are some, and what it said of them. */
export function GuardChart({ guard, points }: { guard: Guard; points: readonly Point[] }) {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 2) return null;
  const unit = guard.check.mean ? '' : ' %';
  const drawn = lines(points);
  const said = stretches(points);
  const long = last.at - first.at || 1;
  const verdicts = said
    .map(({ state, from }) => `${guardWord(state).word.toLowerCase()} from ${clock(from)}`)
    .join(', ');
  return (
    <figure className={classes.chart}>
      {drawn && (
        <>
          <div className={classes.plot}>
            <span className={classes.top}>{figureWords(drawn.top, unit)}</span>
            <span className={classes.bottom}>{figureWords(0, unit)}</span>
            <svg
              viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
              preserveAspectRatio="none"
              role="img"
              aria-label={`${guard.name}: ${chartWords(points, unit)}`}
            >
              {drawn.lines.map(({ name, path }) => (
                <path key={name} d={path} data-line={name} vectorEffect="non-scaling-stroke" />
              ))}
            </svg>
          </div>
          <figcaption className={classes.legend}>
            {drawn.lines
              .map(({ name }) => ({ name, value: last[name] }))
              .reverse()
              .map(({ name, value }) => (
                <span key={name}>
                  <svg viewBox="0 0 24 6" width={24} height={6} aria-hidden="true">
                    <path d="M0 3L24 3" data-line={name} />
                  </svg>
                  {LABELS[name]} {value !== undefined && figureWords(value, unit)}
                </span>
              ))}
          </figcaption>
        </>
      )}
      <div
        className={classes.verdicts}
        role="img"
        aria-label={`What ${guard.name} said: ${verdicts}`}
        data-plot={drawn ? 'above' : undefined}
      >
        {said.map(({ state, from, to }) => (
          <span
            key={from}
            data-tone={guardWord(state).tone}
            title={`${guardWord(state).word}, ${clock(from)} to ${clock(to)}`}
            style={{ flexGrow: Math.max(0.004, (to - from) / long) }}
          >
            {(to - from) / long > 0.3 ? guardWord(state).word : ''}
          </span>
        ))}
      </div>
      <div className={classes.times} aria-hidden="true">
        <span>{clock(first.at)}</span>
        <span>{clock(last.at)}</span>
      </div>
    </figure>
  );
}
