import { form, isOver, renewAt, request } from "../request.js";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Tokens for a backend that works for users who are away. `table` is a Map here; with you, rows: one refresh token per user. */
export function createTokens({ issuer, clientId, clientSecret, table }) {
  const client = { client_id: clientId, client_secret: clientSecret };
  const cache = new Map();

  function keep(user, tokens) {
    cache.set(user, { value: tokens.access_token, due: renewAt(tokens) });
    return tokens.access_token;
  }

  /** Once per user, with an assertion of your own login. */
  async function connect(user, assertion) {
    const tokens = await request(`${issuer}/token`, form({ ...client, grant_type: JWT_BEARER, assertion }, { tries: 1 }));
    table.set(user, tokens.refresh_token);
    return keep(user, tokens);
  }

  /** The refresh token stays the same, so nothing is written back. undefined: the session is over, connect the user again. */
  async function accessToken(user) {
    const cached = cache.get(user);
    if (cached !== undefined && Date.now() < cached.due) return cached.value;
    if (!table.has(user)) return undefined;
    const fields = { ...client, grant_type: "refresh_token", refresh_token: table.get(user) };
    try {
      return keep(user, await request(`${issuer}/token`, form(fields)));
    } catch (error) {
      if (!isOver(error)) throw error;
      cache.delete(user);
      table.delete(user);
      return undefined;
    }
  }

  return { connect, accessToken };
}
