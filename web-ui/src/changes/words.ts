import type { Change, ChangeRequest, Person, Standing } from '../api/client';
import { may, type Role } from '../shell/may';

export const STATUS: Record<ChangeRequest['status'], { word: string; tone: 'on' | 'off' | 'mixed' }> = {
  open: { word: 'Open', tone: 'mixed' },
  merged: { word: 'Made', tone: 'on' },
  closed: { word: 'Closed', tone: 'off' },
};

/** How far it has come, in a word or two. */
export function stateOf(
  request: ChangeRequest,
  standing: Pick<Standing, 'mayMerge'> | null | undefined,
): { word: string; tone: 'on' | 'off' | 'mixed' } {
  if (request.status !== 'open' || !standing) return STATUS[request.status];
  if (request.outcome && request.outcome.result !== 'done')
    return { word: 'Could not be made', tone: 'mixed' };
  return standing.mayMerge ? { word: 'Approved', tone: 'on' } : { word: 'Waits', tone: 'mixed' };
}

/** “1 of 2 approvals”. */
export function approvalWords({ needed, approvedBy }: Pick<Standing, 'needed' | 'approvedBy'>): string {
  const has = approvedBy.length;
  if (needed === 0) return 'No approval is asked for';
  return `${has} of ${needed} ${needed === 1 ? 'approval' : 'approvals'}`;
}

/** The documents that it changes, each `flag resale-guard`. */
export function touched(changes: readonly Change[]): string[] {
  return changes.map(({ put, delete: gone }) => {
    const own = (put ?? gone ?? {}) as { kind?: string; key?: string };
    return `${gone ? 'deletes ' : ''}${own.kind ?? 'document'} ${own.key ?? ''}`.trim();
  });
}

/** What whoever asks for it, approves it or makes it must be allowed to do. */
export function roleFor({ changes }: Pick<ChangeRequest, 'changes'>): Role {
  const kinds = changes.map((own) => (own.put ?? own.delete) as { kind?: string } | undefined);
  return kinds.some((own) => own?.kind === 'environment' || own?.kind === 'freeze') ? 'admin' : 'editor';
}

export const NEEDS: Record<Role, string> = {
  viewer: 'a viewer',
  operator: 'an operator',
  editor: 'an editor',
  admin: 'an administrator',
};

/** Why somebody may neither make it nor close it; nothing, when they may. */
export function mayNotDecide(request: ChangeRequest, me: Person): string | undefined {
  const role = roleFor(request);
  return may(me, role) ? undefined : `What this changes needs ${NEEDS[role]}.`;
}

/** Whether somebody asks for it themselves. */
export function isAuthor({ author }: ChangeRequest, me: Person): boolean {
  return author.kind === 'user' && author.id === me.id;
}

/** Why somebody is no second person for it; nothing, when they are. */
export function mayNotApprove(request: ChangeRequest, me: Person): string | undefined {
  if (isAuthor(request, me)) return 'You ask for this yourself, so somebody else has to approve it.';
  if (request.approvals?.some(({ by }) => by.kind === 'user' && by.id === me.id))
    return 'You have approved it.';
  return mayNotDecide(request, me);
}

/** Whether it waits for this person: they could approve it, and have not. */
export function waitsFor(request: ChangeRequest, standing: Standing | null | undefined, me: Person): boolean {
  if (request.status !== 'open' || !standing || standing.approvedBy.length >= standing.needed) return false;
  return mayNotApprove(request, me) === undefined;
}
