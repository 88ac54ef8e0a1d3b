const UNITS: [string, number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

/**
 * A sentence of the server as people read it: names in quotes, moments by the reader's own clock, and long times in
 * more than seconds.
 */
export function plainly(sentence: string): string {
  return sentence
    .replace(/`([^`]*)`/g, '“$1”')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (moment) =>
      new Date(moment).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
    )
    .replace(/\b(\d+) ?s\b/g, (all, seconds: string) => (Number(seconds) < 60 ? all : span(Number(seconds))));
}

/** The two greatest units of a time: 3,490 seconds are “58 min 10 s”. */
function span(seconds: number): string {
  const first = UNITS.findIndex(([, each]) => seconds >= each);
  let left = seconds;
  return UNITS.slice(first, first + 2)
    .flatMap(([unit, each]) => {
      const has = Math.floor(left / each);
      left -= has * each;
      return has ? [`${has} ${unit}`] : [];
    })
    .join(' ');
}
