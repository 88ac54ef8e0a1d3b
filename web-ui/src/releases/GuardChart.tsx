import type { Guard } from '../api/client';
import { Ends, Legend, Plot } from '../shell/Plot';
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
          <Plot
            top={figureWords(drawn.top, unit)}
            bottom={figureWords(0, unit)}
            label={`${guard.name}: ${chartWords(points, unit)}`}
            width={WIDTH}
            height={HEIGHT}
            lines={drawn.lines.map(({ name, path }) => ({ line: name, path }))}
          />
          <Legend
            lines={drawn.lines
              .map(({ name }) => ({ line: name, words: lineWords(name, last[name], unit) }))
              .reverse()}
          />
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
      <Ends from={clock(first.at)} to={clock(last.at)} beside={!!drawn} />
    </figure>
  );
}

/** “variant 2.5 %”. */
function lineWords(name: keyof typeof LABELS, value: number | undefined, unit: string): string {
  return value === undefined ? LABELS[name] : `${LABELS[name]} ${figureWords(value, unit)}`;
}
