import { form, isOver, json, renewAt, request } from "../request.js";

/** Tokens for a server that renders pages. `session` is your framework's: an object on your side that its cookie names. */
export function createTokens({ issuer, clientId, clientSecret }) {
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64");
  const headers = { authorization: `Basic ${basic}` };

  function keep(session, { access_token, refresh_token, expires_in }) {
    Object.assign(session, { accessToken: access_token, refreshToken: refresh_token, due: renewAt({ expires_in }) });
  }

  /** `address` is the browser's: failed logins are counted by it. Give the session a new id afterwards. */
  async function logIn(session, { username, password, address }) {
    const init = { tries: 1, headers: { ...headers, "x-forwarded-for": address } };
    keep(session, await request(`${issuer}/login`, json({ username, password }, init)));
  }

  /** The access token, or undefined where nobody is logged in. */
  async function accessToken(session) {
    if (session.refreshToken === undefined) return undefined;
    if (Date.now() < session.due) return session.accessToken;
    const presented = session.refreshToken;
    try {
      const tokens = await request(`${issuer}/token`, form({ grant_type: "refresh_token", refresh_token: presented }, { headers }));
      // Two requests at once get the same successor. One that was slow must not put it over a later one.
      if (session.refreshToken === presented) keep(session, tokens);
      return tokens.access_token;
    } catch (error) {
      if (!isOver(error)) throw error;
      if (session.refreshToken === presented) forget(session);
      return undefined;
    }
  }

  /** Ends it here and at the issuer. The refresh token will do: the access token may have expired. */
  async function logOut(session) {
    if (session.refreshToken !== undefined) await request(`${issuer}/revoke`, form({ token: session.refreshToken }, { headers }));
    forget(session);
  }

  return { logIn, accessToken, logOut };
}

function forget(session) {
  Object.assign(session, { accessToken: undefined, refreshToken: undefined, due: undefined });
}
