/** What strangers send: it looks like ours, and is not. */

import { randomBytes, randomUUID } from "node:crypto";
import type { Call } from "../../../scripts/figures/support/http.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** A refresh token by its looks, of a MAC key that there is. */
export function garbageRefreshToken(): Call {
  const bytes = randomBytes(63);
  bytes[0] = 1;
  const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "app", refresh_token: `mmr_${bytes.toString("base64url")}` });
  return { method: "POST", path: "/token", headers: FORM, body: body.toString() };
}

/** An access token of a key that nobody has heard of. */
export function randomKid(issuer: string): Call {
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg: "ES256", typ: "at+jwt", kid: randomBytes(32).toString("base64url") };
  const claims = {
    iss: issuer,
    sub: "someone",
    aud: issuer,
    client_id: "app",
    iat: now,
    exp: now + 600,
    jti: randomUUID(),
    scope: "sessions",
  };
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const token = [...parts, randomBytes(64).toString("base64url")].join(".");
  return { method: "GET", path: "/sessions", headers: { authorization: `Bearer ${token}` } };
}

/** Somebody guesses, each time for another account. */
export function guess(): Call {
  const body = JSON.stringify({ username: `user-${randomUUID()}`, password: "a guess that is long enough", client_id: "app" });
  return { method: "POST", path: "/login", headers: { "content-type": "application/json" }, body };
}
