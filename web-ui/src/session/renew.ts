/** The route that exchanges what a browser stays signed in with; a cookie that no script sees carries it. */
const REFRESH = '/api/v1/session/refresh';
/** What is left to a token that is not worth to begin something with. */
const SHORT_MS = 5_000;

/** When the access token expires, by this machine's clock. */
let until = Number.POSITIVE_INFINITY;
let running: Promise<boolean> | undefined;

/** Takes from an answer of the session's routes how long its token lasts. Clocks differ, so the server's own counts. */
export async function noteExpiry(response: Response): Promise<void> {
  const session = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { expiresAt?: string };
  const said = Date.parse(response.headers.get('date') ?? '') || Date.now();
  until = session.expiresAt ? Date.now() + Date.parse(session.expiresAt) - said : Number.POSITIVE_INFINITY;
}

/**
 * Renews the session, once for all who need that at a time; false when there is none to renew. Another tab may do the
 * same at this moment: the server gives both the same.
 */
export function renew(): Promise<boolean> {
  running ??= send().finally(() => {
    running = undefined;
  });
  return running;
}

/** Renews a session whose token expires at any moment; nothing when there is no need. */
export function renewInTime(): Promise<unknown> | undefined {
  return until - Date.now() > SHORT_MS ? undefined : renew().catch(() => undefined);
}

async function send(): Promise<boolean> {
  const response = await fetch(REFRESH, { method: 'POST' });
  if (response.ok) await noteExpiry(response);
  else until = Number.POSITIVE_INFINITY;
  // A server that can't say so now has not said that the session has ended.
  if (response.status >= 500) throw new TypeError('the session could not be renewed');
  return response.ok;
}
