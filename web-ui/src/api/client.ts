import createClient, { type Middleware } from 'openapi-fetch';
import { noteExpiry, renew } from '../session/renew';
import { done, isUndoable } from '../shell/done';
import { askForGlass } from '../shell/glass';
import { readWish, type Wish } from '../shell/wish';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Flag = Schemas['Flag'];
export type FlagConfig = Schemas['FlagConfig'];
export type Rule = Schemas['Rule'];
export type Serve = Schemas['Serve'];
export type Condition = Schemas['Condition'];
export type Account = Schemas['Account'];
export type Invited = Schemas['Invited'];
export type OpenSession = Schemas['OpenSession'];
export type RoleBinding = Schemas['RoleBinding'];
export type Cohort = Schemas['Cohort'];
export type Key = Schemas['Key'];
export type Venue = Schemas['Venue'];
export type Board = Schemas['Board'];
export type BoardFlag = Schemas['BoardFlag'];
export type BoardVenue = Schemas['BoardVenue'];
export type Exposure = Schemas['Exposure'];
export type Report = Schemas['Report'];
export type CommitSummary = Schemas['CommitSummary'];
export type CommitDetail = Schemas['CommitDetail'];
export type Workspace = Schemas['Workspace'];
export type Problem = Schemas['Problem'];
export type Action = Schemas['Action'];
export type Person = Schemas['Person'];
export type Reach = Schemas['Reach'];
export type Explained = Schemas['Explained'];
export type Release = Schemas['Release'];
export type Stage = Release['stages'][number];
export type Guard = NonNullable<Release['guards']>[number];
export type Progress = NonNullable<Release['progress']>;
export type Step = NonNullable<Progress['steps']>[number];
export type ReleaseView = Schemas['View'];
export type GuardView = Schemas['GuardView'];
export type Looked = Schemas['Looked'];
export type Preflight = Schemas['Preflight'];
export type Playbook = Schemas['Playbook'];
export type Play = Playbook['plays'][number];
export type Event = Schemas['Event'];
export type Freeze = Schemas['Freeze'];
export type Environment = Schemas['Environment'];
export type Pool = NonNullable<Environment['steering']>[number];
export type NodeStatus = Schemas['NodeStatus'];
export type EdgeStatus = Schemas['EdgeStatus'];
export type Schedule = Schemas['Schedule'];
export type When = Schemas['When'];
export type Due = Schemas['Due'];
export type Change = Schemas['Change'];
export type Restoration = Schemas['Restoration'];
export type Restored = Schemas['Restored'];
export type Scope = Schemas['Scope'];
export type ChangeRequest = Schemas['ChangeRequest'];
export type ChangeRequestView = Schemas['ChangeRequestView'];
export type Standing = Schemas['Standing'];
export type Evaluations = Schemas['Evaluations'];
export type StaleFlag = Schemas['StaleFlag'];
export type Asker = Schemas['Asker'];

/** What the server refused, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(problem.detail ?? `The server answered ${status}.`);
  }

  /** Nobody is signed in. */
  get isSignedOut() {
    return this.status === 401;
  }

  /** Somebody has changed meanwhile what was to be changed. */
  get isOutdated() {
    return this.status === 412;
  }
}

/** It was not done, but asked for: somebody else looks at it first. */
export class AskedFor extends Error {
  constructor(readonly request: string) {
    super(`Change request ${request} asks for it.`);
  }
}

const refuse: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    const body = await response
      .clone()
      .json()
      .catch(() => ({}));
    throw new ApiError(response.status, body);
  },
};

/** Requests as they were, to be sent again: of those that are under way. */
const sent = new Map<string, Request>();

/** Whether a reason lets it through: a freeze forbids it, or somebody else has to look at it first. */
function isHeld(status: number, { code, detail }: Partial<Problem>): boolean {
  if (status === 409) return code === 'frozen';
  return status === 403 && code === 'approval_needed' && (detail?.includes('Usher-Break-Glass') ?? false);
}

/**
 * What a freeze refuses may go through with a reason, and what somebody else has to look at may be asked for: whoever
 * wanted it waits until somebody has answered.
 */
const throughGlass: Middleware = {
  onRequest({ id, request }) {
    if (request.method !== 'GET') sent.set(id, request.clone());
  },
  onError({ id }) {
    sent.delete(id);
  },
  async onResponse({ id, response, options }) {
    const again = sent.get(id);
    sent.delete(id);
    if ((response.status !== 409 && response.status !== 403) || !again) return undefined;
    const problem: Partial<Problem> = await response
      .clone()
      .json()
      .catch(() => ({}));
    if (!isHeld(response.status, problem)) return undefined;
    const answer = await askForGlass(
      problem,
      problem.code === 'approval_needed' ? await wishOf(again.clone()) : undefined,
    );
    if (answer === undefined) return undefined;
    if ('asked' in answer) throw new AskedFor(answer.asked);
    again.headers.set('Usher-Break-Glass', answer.reason);
    const { fetch: send } = options;
    return send(again);
  },
};

const SESSION = '/api/v1/session';

/** A request that came too late for its token is sent again with a new one: nobody who works here notices. */
const renewed: Middleware = {
  async onResponse({ id, request, response, options }) {
    const isSession = new URL(request.url).pathname === SESSION;
    if (response.ok && isSession && request.method !== 'DELETE') await noteExpiry(response);
    // A password or an invitation that is refused has nothing to do with a session.
    const signsIn = request.method === 'POST' && (isSession || request.url.endsWith('/invitations/accept'));
    if (response.status !== 401 || signsIn) return undefined;
    if (!(await renew())) return undefined;
    const { fetch: send } = options;
    return send((sent.get(id) ?? request).clone());
  },
};

/** What a refused request would have changed; nothing, when that is more than documents can say. */
async function wishOf(request: Request): Promise<Wish | undefined> {
  const own = {
    method: request.method,
    path: new URL(request.url).pathname,
    body: (await request.json().catch(() => undefined)) as unknown,
    match: request.headers.get('If-Match') ?? undefined,
    isNew: request.headers.has('If-None-Match'),
  };
  const find = async (key: string) => {
    const { data, response } = await api.GET('/api/v1/flags/{key}', { params: { path: { key } } });
    return data && { flag: data, version: response.headers.get('etag') ?? '' };
  };
  const restore = async (restoration: Restoration) => {
    const { data } = await api.POST('/api/v1/rollback/preview', { body: restoration });
    return data && { changes: data.changes, expected: data.expected };
  };
  return readWish(own, { find, restore }).catch(() => undefined);
}

/** Whoever changed something can take it back from where they are. */
const noteDone: Middleware = {
  async onResponse({ request, response }) {
    if (!response.ok || !isUndoable(request.method, new URL(request.url).pathname)) return;
    const { seq, replayed } = await response
      .clone()
      .json()
      .catch(() => ({}));
    if (typeof seq === 'number' && !replayed) done.tell(seq);
  },
};

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '' });
// Answers go through the last one first.
api.use(noteDone, refuse, throughGlass, renewed);

/** The body of an answer. Refusals have thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new ApiError(0, { detail: 'The server gave an empty answer.' });
  return data;
}
