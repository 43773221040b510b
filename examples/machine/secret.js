import { form, renewAt, request } from "../request.js";

/** Gives the machine's own access token; asks for a new one shortly before the old one ends. */
export function createTokens({ issuer, clientId, clientSecret }) {
  let held;
  const ask = async () => {
    const fields = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret };
    const tokens = await request(`${issuer}/token`, form(fields));
    return { value: tokens.access_token, due: renewAt(tokens) };
  };
  return async () => {
    if (held === undefined || Date.now() >= held.due) held = await ask();
    return held.value;
  };
}
