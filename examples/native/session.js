import { createTurns, form, isOver, json, renewAt, request } from "../request.js";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * `store` keeps one small object in the platform's key store: `load()`, which gives undefined where there is none, `save(it)`
 * and `clear()`, each a promise that resolves when it is done for good.
 */
export function createSession({ issuer, clientId, store }) {
  let token;
  let refreshing;
  const inTurn = createTurns();

  async function keep(tokens) {
    await store.save({ refreshToken: tokens.refresh_token });
    token = { value: tokens.access_token, due: renewAt(tokens) };
    return token.value;
  }

  function logIn(username, password) {
    const body = { client_id: clientId, username, password };
    return inTurn(async () => keep(await request(`${issuer}/login`, json(body, { tries: 1 }))));
  }

  /** The same with what a login of your own has signed; see below. */
  function logInWith(assertion) {
    const fields = { client_id: clientId, grant_type: JWT_BEARER, assertion };
    return inTurn(async () => keep(await request(`${issuer}/token`, form(fields, { tries: 1 }))));
  }

  async function renew() {
    if (token !== undefined && Date.now() < token.due) return token.value;
    const kept = await store.load();
    if (kept === undefined) return undefined;
    // One key per exchange, kept until its answer is: also over a crash, a dead battery, an hour in a tunnel.
    const { refreshToken, key = crypto.randomUUID() } = kept;
    await store.save({ refreshToken, key });
    const fields = { client_id: clientId, grant_type: "refresh_token", refresh_token: refreshToken };
    try {
      return await keep(await request(`${issuer}/token`, form(fields, { headers: { "idempotency-key": key } })));
    } catch (error) {
      if (!isOver(error)) throw error;
      await forget();
      return undefined;
    }
  }

  /** The access token, or undefined where nobody is logged in. */
  async function accessToken() {
    if (token !== undefined && Date.now() < token.due) return token.value;
    refreshing ??= inTurn(renew).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  function logOut() {
    return inTurn(async () => {
      const kept = await store.load();
      if (kept !== undefined) await request(`${issuer}/revoke`, form({ client_id: clientId, token: kept.refreshToken }));
      await forget();
    });
  }

  async function forget() {
    token = undefined;
    await store.clear();
  }

  return { logIn, logInWith, accessToken, logOut };
}
