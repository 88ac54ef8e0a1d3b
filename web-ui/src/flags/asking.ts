import type { Environment, Flag, FlagConfig } from '../api/client';

type Guard = Pick<Environment, 'key' | 'name' | 'approvals'>;

/**
 * The environments that ask for somebody else's approval of a change. The server decides; this tells people before they
 * are refused, and so rather says too little of a change that few notice.
 */
export function asking(before: Flag, after: Flag, environments: readonly Guard[]): Guard[] {
  const whole = (flag: Flag) => [
    flag.type,
    flag.variants,
    !!flag.clientVisible,
    flag.minimumSchema ?? 1,
    flag.lifecycle === 'archived',
  ];
  const isOther = text(whole(before)) !== text(whole(after));
  return environments.filter((environment) => {
    if (!environment.approvals) return false;
    const [old, own] = [before.environments?.[environment.key], after.environments?.[environment.key]];
    if (!old || !own) return old?.enabled === true || own?.enabled === true;
    if (isOther && (old.enabled || own.enabled)) return true;
    return noticed(old) !== noticed(own);
  });
}

/** What clients notice of it: neither kills, which are never held up, nor what is only counted. */
function noticed({ killed: _, measure: __, ...config }: FlagConfig): string {
  return text({ ...config, rules: config.rules?.filter((rule) => !rule.dark) });
}

/** The same for the same, in whatever order its fields come. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, own: unknown) =>
    own && typeof own === 'object' && !Array.isArray(own)
      ? Object.fromEntries(Object.entries(own).sort(([a], [b]) => a.localeCompare(b)))
      : own,
  );
}

/** “Production asks for 2 approvals”. */
export function askingWords(guards: readonly Guard[]): string {
  return guards
    .map(
      ({ name, approvals }) => `${name} asks for ${approvals} ${approvals === 1 ? 'approval' : 'approvals'}`,
    )
    .join(', ');
}
