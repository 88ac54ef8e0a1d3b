import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Flag = Schemas['Flag'];
export type FlagConfig = Schemas['FlagConfig'];
export type Rule = Schemas['Rule'];
export type Serve = Schemas['Serve'];
export type Condition = Schemas['Condition'];
export type Account = Schemas['Account'];
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

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '' });
api.use(refuse);

/** The body of an answer. Refusals have thrown before. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new ApiError(0, { detail: 'The server gave an empty answer.' });
  return data;
}
