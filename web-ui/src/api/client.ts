import createClient, { type Middleware } from 'openapi-fetch';
import { askForGlass } from '../shell/glass';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Flag = Schemas['Flag'];
export type FlagConfig = Schemas['FlagConfig'];
export type Rule = Schemas['Rule'];
export type Serve = Schemas['Serve'];
export type Condition = Schemas['Condition'];
export type Account = Schemas['Account'];
export type RoleBinding = Schemas['RoleBinding'];
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

/** What a freeze refuses may go through with a reason: whoever asked for it waits until somebody has answered. */
const throughFreezes: Middleware = {
  onRequest({ id, request }) {
    if (request.method !== 'GET') sent.set(id, request.clone());
  },
  onError({ id }) {
    sent.delete(id);
  },
  async onResponse({ id, response, options }) {
    const again = sent.get(id);
    sent.delete(id);
    if (response.status !== 409 || !again) return undefined;
    const problem: Partial<Problem> = await response
      .clone()
      .json()
      .catch(() => ({}));
    if (problem.code !== 'frozen') return undefined;
    const reason = await askForGlass(problem);
    if (reason === undefined) return undefined;
    again.headers.set('Usher-Break-Glass', reason);
    const { fetch: send } = options;
    return send(again);
  },
};

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '' });
// Answers go through the last one first.
api.use(refuse, throughFreezes);

/** The body of an answer. Refusals have thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new ApiError(0, { detail: 'The server gave an empty answer.' });
  return data;
}
