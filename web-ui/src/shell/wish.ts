import type { Change, Flag, Restoration } from '../api/client';

/** What somebody wants to change, and the versions that they have seen, by `kind/key`; 0 for a document that is new. */
export type Wish = { changes: Change[]; expected: Record<string, number> };

/** A request that was refused, as far as it tells what would change. */
export type Refused = {
  method: string;
  path: string;
  body: unknown;
  match: string | undefined;
  isNew: boolean;
};

type Found = { flag: Flag; version: string };

/** What the server tells of what a request needs. */
export type Sources = {
  find: (flag: string) => Promise<Found | undefined>;
  /** What taking something back would change. */
  restore: (restoration: Restoration) => Promise<Wish | undefined>;
};

const KINDS: Record<string, string> = {
  cohorts: 'cohort',
  environments: 'environment',
  events: 'event',
  flags: 'flag',
  freezes: 'freeze',
  playbooks: 'playbook',
  releases: 'release',
  schedules: 'schedule',
  venues: 'venue',
};

/** The number in an ETag. */
export function versionOf(tag: string): number | undefined {
  const found = /^"(\d+)"$/.exec(tag)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The change of one document, as it was seen. */
export function wishFor(kind: string, document: { key: string }, version: number | undefined): Wish {
  const expected = version === undefined ? {} : { [`${kind}/${document.key}`]: version };
  return { changes: [{ put: { kind, ...document } }], expected };
}

/**
 * What a request would have changed, as documents. Nothing for what no document can say: a revival, for whatever is
 * saved leaves what is killed as it is.
 */
export async function readWish(refused: Refused, { find, restore }: Sources): Promise<Wish | undefined> {
  const [collection = '', key = '', ...more] = refused.path
    .replace(/^\/api\/v1\//, '')
    .split('/')
    .map(decodeURIComponent);
  if (collection === 'rollback') {
    const { to, scope } = refused.body as Back;
    return restore({ rollback: { to, scope } });
  }
  if (collection === 'commits' && more[0] === 'undo') {
    const { force } = refused.body as { force?: boolean };
    return restore({ undo: { seq: Number(key), force } });
  }
  if (collection === 'commits') {
    const { changes, expected } = refused.body as Wish;
    return { changes, expected: expected ?? {} };
  }
  if (collection === 'actions') return manyActed(key, refused.body as Many, find);
  const kind = KINDS[collection];
  if (!kind || !key) return undefined;
  const version = refused.isNew ? 0 : versionOf(refused.match ?? '');
  if (more.length === 0 && refused.method === 'PUT')
    return wishFor(kind, refused.body as { key: string }, version);
  if (more.length === 0 && refused.method === 'DELETE') {
    const expected = version === undefined ? {} : { [`${kind}/${key}`]: version };
    return { changes: [{ delete: { kind, key } }], expected };
  }
  const [what, environment = '', action = ''] = more;
  if (kind !== 'flag' || what !== 'environments') return undefined;
  const found = await find(key);
  const after = found && acted(found.flag, environment, action, refused.body as Acted);
  return after && wishFor('flag', after, versionOf(found.version));
}

type Back = Extract<Restoration, { rollback: unknown }>['rollback'];
type Many = { environment: string; variant?: string; flags: { key: string; venues?: string[] }[] };

/** Many flags after the same was done with them; nothing, where that can't be said of one of them. */
async function manyActed(
  action: string,
  { environment, variant, flags }: Many,
  find: Sources['find'],
): Promise<Wish | undefined> {
  const wishes = await Promise.all(
    flags.map(async ({ key, venues }) => {
      const found = await find(key);
      const after = found && acted(found.flag, environment, action, { venues, variant });
      return after && wishFor('flag', after, versionOf(found.version));
    }),
  );
  if (!wishes.every((wish) => wish !== undefined)) return undefined;
  return {
    changes: wishes.flatMap(({ changes }) => changes),
    expected: Object.assign({}, ...wishes.map(({ expected }) => expected)),
  };
}

type Acted = { venues?: string[]; variant?: string | null };

/** A flag after it was turned on or off, or after settings of venues were cleared. */
function acted(
  flag: Flag,
  environment: string,
  action: string,
  { venues, variant }: Acted,
): Flag | undefined {
  const config = flag.environments?.[environment];
  if (!config) return undefined;
  const become = (part: Partial<typeof config>): Flag => ({
    ...flag,
    environments: { ...flag.environments, [environment]: { ...config, ...part } },
  });
  const own = Object.entries(config.venues ?? {}).filter(([venue]) => !venues?.includes(venue));
  const give = (given: string | undefined) =>
    given === undefined
      ? undefined
      : become({
          venues: { ...config.venues, ...Object.fromEntries((venues ?? []).map((one) => [one, given])) },
        });
  const everywhere = !venues?.length;
  switch (action) {
    case 'on':
      return everywhere ? become({ enabled: true }) : give(variant ?? onVariant(flag, config.offVariant));
    case 'off':
      return everywhere ? become({ enabled: false }) : give(config.offVariant);
    case 'clear':
      return everywhere ? undefined : become({ venues: Object.fromEntries(own) });
    default:
      return undefined;
  }
}

/** What a venue gets when the flag is turned on there, where only one variant can be meant. */
function onVariant(flag: Flag, off: string): string | undefined {
  const all = Object.entries(flag.variants);
  const truthy = flag.type === 'boolean' ? all.find(([, value]) => value === true)?.[0] : undefined;
  const others = all.filter(([name]) => name !== off);
  return truthy ?? (others.length === 1 ? others[0]?.[0] : undefined);
}

/** What a wish is called, before anybody gives it a better title. */
export function wishTitle({ changes }: Wish): string {
  const [first] = changes;
  const put = first?.put as { key?: string; name?: string } | undefined;
  if (first?.delete) return `Delete ${first.delete.key}`;
  return `Change ${put?.name || put?.key || 'this'}`;
}
