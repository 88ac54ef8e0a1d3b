import classes from './plot.module.css';

type Props = {
  /** What stands beside its upper edge, and beside its lower one. */
  top: string;
  bottom: string;
  /** What it shows, in words. */
  label: string;
  width: number;
  height: number;
  /** The last one lies on top. `line` says how it is drawn: its name, or its number. */
  lines: readonly { line: string | number; path: string }[];
};

/** Lines over time, as wide as there is room. */
export function Plot({ top, bottom, label, width, height, lines }: Props) {
  return (
    <div className={classes.plot}>
      <span className={classes.top}>{top}</span>
      <span className={classes.bottom}>{bottom}</span>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        style={{ height }}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {lines.map(({ line, path }) => (
          <path key={line} d={path} data-line={line} vectorEffect="non-scaling-stroke" />
        ))}
      </svg>
    </div>
  );
}

/** What the lines are, each beside a piece of it. */
export function Legend({ lines }: { lines: readonly { line: string | number; words: string }[] }) {
  return (
    <figcaption className={classes.legend}>
      {lines.map(({ line, words }) => (
        <span key={line}>
          <svg viewBox="0 0 24 6" width={24} height={6} aria-hidden="true">
            <path d="M0 3L24 3" data-line={line} />
          </svg>
          {words}
        </span>
      ))}
    </figcaption>
  );
}

/** Where the lines begin and end. */
export function Ends({ from, to, beside }: { from: string; to: string; beside: boolean }) {
  return (
    <div className={classes.ends} data-beside={beside || undefined} aria-hidden="true">
      <span>{from}</span>
      <span>{to}</span>
    </div>
  );
}
