import { createTurns, form, isOver, json, Refused, renewAt, request } from "../request.js";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * Who is logged in, as one page knows it. The access token is in memory only; the refresh token is in a cookie that no script
 * can read. `changed` is called when it is somebody else than before, or nobody.
 */
export function createSession({ issuer, clientId, changed = () => location.reload() }) {
  let current; // the last token response
  let due = 0;
  let refreshing;
  const inTurn = createTurns();

  const withCookie = (init) => ({ ...init, credentials: "include" });
  const post = (path, fields, more) => request(issuer + path, withCookie(form({ client_id: clientId, ...fields }, more)));

  function keep(tokens) {
    const before = current?.sid;
    current = tokens;
    due = tokens === undefined ? 0 : renewAt(tokens);
    if (before !== undefined && before !== tokens?.sid) changed();
    return tokens?.access_token;
  }

  /** A login is sent once: only the user knows whether to try again. */
  function logIn(username, password) {
    const body = { client_id: clientId, username, password };
    return inTurn(async () => keep(await request(`${issuer}/login`, withCookie(json(body, { tries: 1 })))));
  }

  /** The same with what a login of your own has signed; see below. */
  function logInWith(assertion) {
    return inTurn(async () => keep(await post("/token", { grant_type: JWT_BEARER, assertion }, { tries: 1 })));
  }

  async function refresh(resource) {
    // One key per exchange, kept until its answer is here: the computer may sleep for an hour in between.
    const name = `exchange of ${clientId}`;
    const key = localStorage.getItem(name) ?? crypto.randomUUID();
    localStorage.setItem(name, key);
    const fields = { grant_type: "refresh_token", ...(resource && { resource }) };
    const tokens = await post("/token", fields, { headers: { "idempotency-key": key } });
    localStorage.removeItem(name);
    return tokens;
  }

  async function renew() {
    if (current !== undefined && Date.now() < due) return current.access_token;
    try {
      return keep(await refresh());
    } catch (error) {
      const isNobody = error instanceof Refused && error.status === 400 && error.error === "invalid_request";
      if (!isNobody && !isOver(error)) throw error;
      return keep(undefined);
    }
  }

  /** The access token, or undefined where nobody is logged in. Call it before each request, and when the page is loaded. */
  async function accessToken() {
    if (current !== undefined && Date.now() < due) return current.access_token;
    refreshing ??= inTurn(renew).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  /** fetch with the access token. A 401 gets one more try with a new one: the clock was wrong, or the computer slept. */
  async function call(url, init = {}) {
    const attempt = async () => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${await accessToken()}` } });
    const response = await attempt();
    if (response.status !== 401) return response;
    due = 0;
    return attempt();
  }

  function logOut() {
    return inTurn(async () => {
      await post("/logout");
      keep(undefined);
    });
  }

  /** Where the user is logged in. Needs `"sessions": true`. */
  async function sessions(method = "GET", path = "") {
    const { access_token } = await inTurn(() => refresh(issuer));
    return request(`${issuer}/sessions${path}`, { method, headers: { authorization: `Bearer ${access_token}` } });
  }

  return {
    logIn,
    logInWith,
    accessToken,
    call,
    logOut,
    listSessions: async () => (await sessions()).sessions,
    endSession: (sid) => sessions("DELETE", `/${sid}`),
    endOtherSessions: () => sessions("DELETE", "?except=current"),
  };
}
