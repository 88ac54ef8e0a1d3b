import type { Condition, Exposure, FlagConfig, Rule, Serve } from '../api/client';

/** Operators, as a sentence says them. */
export const OPERATORS = {
  in: 'is one of',
  notIn: 'is none of',
  equals: 'is',
  contains: 'contains',
  startsWith: 'starts with',
  endsWith: 'ends with',
  matches: 'matches',
  lt: 'is below',
  lte: 'is at most',
  gt: 'is above',
  gte: 'is at least',
  before: 'is before',
  after: 'is after',
  semverEq: 'is version',
  semverLt: 'is older than version',
  semverLte: 'is at most version',
  semverGt: 'is newer than version',
  semverGte: 'is at least version',
  semverTilde: 'is a patch of version',
  semverCaret: 'is compatible with version',
  cidr: 'is in network',
  exists: 'is there',
  modulo: 'leaves, divided, a remainder of',
} as const satisfies Record<NonNullable<Condition['op']>, string>;

/** Whose way of comparing an imported condition follows. */
const DIALECTS: Record<Exclude<NonNullable<Condition['dialect']>, 'usher'>, string> = {
  flagd: 'as flagd compares',
  launchDarkly: 'as LaunchDarkly compares',
  growthBook: 'as GrowthBook compares',
  growthBookElement: 'one element of a list, as GrowthBook compares',
  unleash: 'as Unleash compares',
};

export function conditionWords(condition: Condition | undefined): string {
  if (!condition) return 'everyone';
  if (condition.all) return condition.all.length ? condition.all.map(part).join(' and ') : 'everyone';
  if (condition.any) return condition.any.length ? condition.any.map(part).join(' or ') : 'nobody';
  if (condition.not) return `not (${conditionWords(condition.not)})`;
  if (condition.cohort) return `cohort ${condition.cohort}`;
  if (condition.rollout) return shareWords(condition.rollout);
  if (condition.prerequisite)
    return `flag ${condition.prerequisite.flag} ${prerequisiteWords(condition.prerequisite)}`;
  if (condition.logic) return `JSONLogic ${JSON.stringify(condition.logic)}`;
  // An operator of a newer server has no words here, but a name.
  const [first, ...others] = condition.values ?? [];
  const isThere = condition.op === 'exists' && typeof first === 'boolean';
  const words =
    isThere && !first ? 'is not there' : condition.op ? (OPERATORS[condition.op] ?? condition.op) : '?';
  const cases = condition.ignoreCase ? ' (in capitals or not)' : '';
  const way = condition.dialect && condition.dialect !== 'usher' ? ` (${DIALECTS[condition.dialect]})` : '';
  const values = (isThere ? others : (condition.values ?? [])).map(scalarWords).join(', ');
  return `${condition.attribute} ${words} ${values}${cases}${way}`.trim();
}

function shareWords({ percent: share, from, by }: NonNullable<Rule['rollout']>): string {
  return `${percent(share)}${from ? ` from ${percent(from)} on` : ''} (by ${by.join(' and ')})`;
}

/** What a prerequisite asks of the other flag. */
export function prerequisiteWords({
  variants,
  enabled,
}: NonNullable<FlagConfig['prerequisites']>[number]): string {
  const gives = variants?.length ? [`gives ${variants.join(' or ')}`] : [];
  const is = enabled === undefined ? [] : [enabled ? 'is enabled' : 'is not enabled'];
  return [...gives, ...is].join(' and ');
}

function part(condition: Condition): string {
  const words = conditionWords(condition);
  return condition.all || condition.any ? `(${words})` : words;
}

/** A value as a sentence says it: a text that looks like a number or a boolean stands in quotes. */
export function scalarWords(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  return looksTyped(value) ? JSON.stringify(value) : value;
}

function looksTyped(text: string): boolean {
  try {
    return ['number', 'boolean', 'string'].includes(typeof JSON.parse(text));
  } catch {
    return false;
  }
}

export function serveWords(serve: Serve): string {
  if (serve.variant) return serve.variant;
  if (!serve.split) return 'nothing';
  const total = serve.split.weights.reduce((sum, one) => sum + one.weight, 0) || 1;
  const parts = serve.split.weights.map(
    (one) => `${percent((one.weight * 100) / total)} ${one.variant ?? 'pass on'}`,
  );
  return `${parts.join(', ')}, drawn by ${serve.split.by.join(' and ')}`;
}

export function ruleWords(rule: Rule): string {
  const share = rule.rollout ? `${shareWords(rule.rollout)} of ` : '';
  const gets = rule.dark ? 'is counted as if it got' : 'gets';
  return `${share}${conditionWords(rule.if)} ${gets} ${serveWords(rule.serve)}`;
}

export function percent(value: number): string {
  return `${Number(value.toFixed(3))} %`;
}

export type Tone = 'on' | 'off' | 'killed' | 'mixed';

/** What a cell of the board says: the variant, why, and a tone that only repeats the words. */
export function exposureWords(exposure: Exposure): { text: string; why: string; tone: Tone } {
  const first = exposure.mix?.[0];
  const mixed =
    first?.percent !== undefined
      ? `${percent(first.percent)} ${first.variant}`
      : exposure.mix?.map((one) => one.variant).join(' / ');
  const text = exposure.variant ?? mixed ?? 'code default';
  const because: Record<Exposure['source'], string> = {
    off: 'the flag is off',
    killed: 'killed',
    prerequisite: 'a prerequisite is not met',
    override: 'set for this venue',
    rule: `rule ${exposure.rule ?? ''}`.trim(),
    default: 'the default',
    split: 'drawn by lot',
    varies: 'depends on who asks',
    unknown: 'not configured here',
  };
  const tones: Partial<Record<Exposure['source'], Tone>> = {
    killed: 'killed',
    off: 'off',
    prerequisite: 'off',
    unknown: 'off',
  };
  const tone =
    tones[exposure.source] ??
    (exposure.variant === undefined ? 'mixed' : isOff(exposure.variant) ? 'off' : 'on');
  return { text, why: because[exposure.source], tone };
}

function isOff(variant: string): boolean {
  return ['off', 'none', 'false', 'disabled'].includes(variant);
}
