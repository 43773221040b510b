/** The issuer's no, in its own words; see the table of errors. */
export class Refused extends Error {
  constructor(status, { error, error_description }) {
    super(error_description);
    this.status = status;
    this.error = error;
  }
}

/** Nobody knows whether the request was heard. Nothing is lost: keep the tokens, try again later. */
export class Unreachable extends Error {}

/**
 * The JSON that the issuer answers. Sends again what may be sent again, which is everything but a login, while there is no
 * answer to it.
 */
export async function request(url, { tries = 4, ...init } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(url, init).catch((cause) => ({ cause }));
    if (answer.ok) return answer.body;
    if (answer.status < 500) throw new Refused(answer.status, answer.body ?? {});
    const seconds = answer.retryAfter ?? 2 ** attempt * (0.1 + 0.1 * Math.random());
    if (attempt >= tries || seconds > 10) throw new Unreachable("no answer from the issuer", { cause: answer.cause });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** Rejects where there is no whole answer, or one that is not the issuer's. */
async function send(url, init) {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  const retryAfter = response.headers.has("retry-after") ? Number(response.headers.get("retry-after")) : undefined;
  return { ok: response.ok, status: response.status, retryAfter, body: text === "" ? undefined : JSON.parse(text) };
}

/** What fetch takes, for a form. */
export function form(fields, init = {}) {
  return { ...init, method: "POST", body: new URLSearchParams(fields) };
}

/** What fetch takes, for JSON. */
export function json(value, init = {}) {
  return { ...init, method: "POST", body: JSON.stringify(value), headers: { ...init.headers, "content-type": "application/json" } };
}

/** True where the refresh token is good for nothing any more. A 403 and a 401 are faults of the set-up, not ends of a session. */
export function isOver(error) {
  return error instanceof Refused && error.status === 400 && error.error === "invalid_grant";
}

/** When to ask for the next access token: half a minute before its end, sooner where it lives for less than two. */
export function renewAt({ expires_in }) {
  return Date.now() + (expires_in - Math.min(30, expires_in / 4)) * 1000;
}

/** Runs what it is given one after the other: an answer that is late must not put an older session over a newer one. */
export function createTurns() {
  let turn = Promise.resolve();
  return (work) => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };
}
