/**
 * What is wrong with a value, as far as a browser can tell. The server decides: where these are stricter than it is,
 * they only warn.
 */
import { count } from '../../shell/numbers';
import { type Editor, readNumber, type Scalar } from '../conditions';

/** What the editor of some values asks for, and what it says of one that is something else. */
type Kind = {
  fits: (value: Scalar) => boolean;
  /** How one is written. */
  hint: string;
  wrong: string;
};

export const KINDS: Partial<Record<Editor, Kind>> = {
  numbers: {
    fits: (value) => typeof value === 'number',
    hint: 'A number such as 60000 or 2.5',
    wrong: 'is no number, such as 60000 or 2.5',
  },
  times: {
    fits: (value) => momentOf(value) !== undefined,
    hint: 'A date and a time',
    wrong: 'is no time that can be shown here, such as 2026-12-31T19:30:00Z',
  },
  presence: {
    fits: (value) => typeof value === 'boolean',
    hint: '',
    wrong: 'is not asked for here: an attribute is there, or it is not',
  },
  versions: {
    fits: (value) => typeof value === 'string' && isVersion(value),
    hint: 'A version such as 3.2.0',
    wrong: 'does not look like a version, such as 3.2.0',
  },
  networks: {
    fits: (value) => typeof value === 'string' && isNetwork(value),
    hint: 'A network such as 10.1.0.0/16, or one address',
    wrong: 'does not look like a network, such as 10.1.0.0/16, or an address',
  },
  patterns: {
    fits: (value) => typeof value === 'string' && isPattern(value),
    hint: 'A regular expression such as ^gate-[0-9]+$',
    wrong:
      'does not look like a regular expression without look-around and back-references, such as ^gate-[0-9]+$',
  },
};

const CORE = String.raw`(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}`;
const LATER = String.raw`(-(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?`;
const BUILD = String.raw`(\+[\dA-Za-z-]+(\.[\dA-Za-z-]+)*)?`;
const VERSION = new RegExp(`^[vV]?${CORE}${LATER}${BUILD}$`);

/** A semantic version, which may leave out minor and patch. */
function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** A network in CIDR notation, or one address. */
function isNetwork(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length || (length !== undefined && !/^\d{1,3}$/.test(length))) return false;
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(address))
    return (
      address.split('.').every((part) => Number(part) <= 255 && !/^0\d/.test(part)) &&
      Number(length ?? 0) <= 32
    );
  return /^[\da-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]/`) && Number(length ?? 0) <= 128;
}

/** A regular expression: what the server's has and a browser's has not is put otherwise before it is tried. */
function isPattern(text: string): boolean {
  const bare = text.replace(/\\[^1-9]/g, '').replace(/\[[^\]]*\]/g, '');
  if (/\\[1-9]|\(\?<?[=!]/.test(bare)) return false;
  const known = text
    .replace(/\(\?P</g, '(?<')
    .replace(/\(\?[a-zA-Z-]+(:|\))/g, (_, end) => (end === ':' ? '(?:' : ''));
  try {
    new RegExp(known);
    return true;
  } catch {
    return false;
  }
}

/** Beyond this many milliseconds there are no dates. */
const LAST_MS = 8.64e15;

/** The moment that a value means: RFC 3339, or milliseconds since 1970. */
export function momentOf(value: Scalar): string | undefined {
  const read = typeof value === 'string' && /^-?\d+$/.test(value) ? readNumber(value) : value;
  const isTime =
    typeof read === 'number' ||
    (typeof read === 'string' &&
      /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/.test(read));
  const at = isTime ? new Date(read).getTime() : Number.NaN;
  return Math.abs(at) < LAST_MS ? new Date(at).toISOString() : undefined;
}

/** Values that are named. */
const NAMED = 3;

/** What is wrong with the values that an editor can't read: the first of them, and how many more. */
export function wrongWords(editor: Editor, values: readonly Scalar[]): string {
  const kind = KINDS[editor];
  if (!kind) return '';
  const misfits = values.filter((value) => !kind.fits(value));
  const named = misfits.slice(0, NAMED).map((value) => `“${value}” ${kind.wrong}.`);
  const more = misfits.length - named.length;
  return [...named, ...(more > 0 ? [`So it is with ${count(more)} more.`] : [])].join(' ');
}
