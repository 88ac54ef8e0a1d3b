/**
 * Times as the clocks at a venue show them. A clock that is put forward leaves times out, and one that is put back has
 * times twice: of these the first is meant.
 */

const DAY_MS = 86_400_000;
/** Days before the last moment that a date can be: what is around a time is looked at, too. */
const LAST_MS = 8.64e15 - 3 * DAY_MS;

const parts = (zone: string) =>
  new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });

/** Whether this is a time zone that this browser knows. */
export function isZone(zone: string): boolean {
  try {
    parts(zone);
    return true;
  } catch {
    return false;
  }
}

/** A moment as `datetime-local` fields have it: `2027-05-15T19:30`, by the clocks of a zone. */
export function toLocal(moment: string, zone: string): string {
  const at = Object.fromEntries(
    parts(zone)
      .formatToParts(new Date(moment))
      .map(({ type, value }) => [type, value]),
  );
  return `${at.year?.padStart(4, '0')}-${at.month}-${at.day}T${at.hour}:${at.minute}`;
}

/** A local time as if it were UTC, in milliseconds. Years of five digits have their sign, where a date is read. */
function asUtc(local: string): number {
  return Date.parse(`${local.replace(/^\d{5,6}(?=-)/, (year) => `+${year.padStart(6, '0')}`)}Z`);
}

/** How far the clocks of a zone are ahead of UTC at a moment, in milliseconds. */
function ahead(at: number, zone: string): number {
  return asUtc(toLocal(new Date(at).toISOString(), zone)) - Math.floor(at / 60_000) * 60_000;
}

/** The moment at which the clocks of a zone show a local time; nothing for what is no time. */
export function fromLocal(local: string, zone: string): string | undefined {
  const shown = asUtc(local);
  if (!(Math.abs(shown) < LAST_MS)) return undefined;
  const minute = /^.*T\d\d:\d\d/.exec(local)?.[0];
  const fits = [ahead(shown - DAY_MS, zone), ahead(shown + DAY_MS, zone)].map((offset) => shown - offset);
  const exact = fits.filter((at) => toLocal(new Date(at).toISOString(), zone) === minute);
  // A time that the clocks leave out is as long after the change as it says.
  const at = exact.length ? Math.min(...exact) : Math.max(...fits);
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** “Sat 15 May 2027, 19:30”. */
export function localWords(moment: string, zone: string): string {
  return new Date(moment).toLocaleString('en-GB', {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
}

/** “19:30”. */
export function clockWords(moment: string, zone: string): string {
  return new Date(moment).toLocaleTimeString('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
  });
}

/** Whether two moments are on one day by the clocks of a zone. */
export function sameDay(a: string, b: string, zone: string): boolean {
  return toLocal(a, zone).slice(0, 10) === toLocal(b, zone).slice(0, 10);
}
