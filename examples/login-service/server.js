/**
 * A login of your own beside mintmark: it knows the users, and signs for each login one assertion that is good for one
 * session at the issuer. SIGHUP rotates its key.
 */

import { scryptSync, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";

const port = Number(process.env.PORT ?? 4000);
/** Who signs: `issuer` of the entry in `trustedIssuers`. */
const self = process.env.LOGIN_SERVICE ?? `http://127.0.0.1:${port}`;
/** Whom it signs for: mintmark's issuer. */
const audience = process.env.ISSUER ?? "http://127.0.0.1:3000";

// ---- Your own business: a table of users, here with one user, and how passwords are checked. ----

const hash = (password, salt) => scryptSync(password, salt, 32);
const users = new Map([["ada", { id: "42", salt: "pepper-and-salt", hash: hash("the engine weaves", "pepper-and-salt") }]]);

function check(name, password) {
  const user = users.get(name);
  const isRight = timingSafeEqual(hash(String(password), user?.salt ?? ""), user?.hash ?? Buffer.alloc(32));
  return isRight ? user : undefined;
}

// ---- What mintmark needs: a key, its public part at /jwks.json, and assertions. ----

/** The first signs, the second is published so that it is known before it signs. A real one keeps them over a restart. */
let keys = [await makeKey(), await makeKey()];

async function makeKey() {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk), use: "sig", alg: "ES256" } };
}

/** The old one stays published while assertions that it signed may be on their way. */
async function rotate() {
  const [old, next] = keys;
  keys = [next, await makeKey(), old];
}

async function assertion(user) {
  const [{ privateKey, jwk }] = keys;
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", typ: "authorization-grant+jwt", kid: jwk.kid })
    .setIssuer(self)
    .setSubject(user.id) // mintmark puts subjectPrefix before it
    .setAudience(audience)
    .setJti(crypto.randomUUID()) // each is good once
    .setIssuedAt()
    .setExpirationTime("1m") // at most five minutes
    .sign(privateKey);
}

// ---- HTTP ----

const routes = {
  "GET /jwks.json": async () => [200, { keys: keys.map(({ jwk }) => jwk) }],
  "POST /login": async (request) => {
    const { name, password } = await bodyOf(request);
    const user = check(name, password);
    return user === undefined ? [401, { error: "invalid_credentials" }] : [200, { assertion: await assertion(user) }];
  },
};

async function bodyOf(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

async function answer(request, response) {
  const route = routes[`${request.method} ${request.url}`] ?? (() => [404, { error: "not_found" }]);
  const [status, body] = await Promise.resolve(route(request)).catch(() => [400, { error: "invalid_request" }]);
  const caching = request.method === "GET" ? "public, max-age=600" : "no-store";
  response.writeHead(status, { "content-type": "application/json", "cache-control": caching }).end(JSON.stringify(body));
}

process.on("SIGHUP", () => void rotate());
createServer((request, response) => void answer(request, response)).listen(port, "127.0.0.1", () =>
  process.stderr.write(`listening on ${self}\n`),
);
