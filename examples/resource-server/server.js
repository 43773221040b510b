import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const port = Number(process.env.PORT ?? 8080);
const issuer = process.env.ISSUER ?? "https://auth.example.com";
const audience = "https://api.example.com"; // what the configuration of the issuer calls this resource

/** Serves for a day with the issuer down; what is new or revoked is known after ten minutes, and a new key at once. */
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cacheMaxAge: 24 * 3_600_000 });
setInterval(() => void keys.reload().catch(() => undefined), 600_000).unref();

/** The claims of a good token, or what to answer instead. */
async function authorize(request, scope) {
  const token = /^Bearer +([\w.-]+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) return { refused: [401] };
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: "at+jwt",
      algorithms: ["ES256"], // what this resource is configured with; "EdDSA" or "Ed25519" otherwise
      requiredClaims: ["sub", "client_id", "iat", "exp", "jti"],
      clockTolerance: 10,
    });
    const isAllowed = (payload.scope ?? "").split(" ").includes(scope);
    return isAllowed ? { claims: payload } : { refused: [403, "insufficient_scope", scope] };
  } catch (error) {
    return { refused: isTokensFault(error) ? [401, "invalid_token"] : [503, "temporarily_unavailable"] };
  }
}

/** Anything else means that the keys can't be had, which says nothing about the token. */
function isTokensFault(error) {
  const isAboutKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === "ERR_JOSE_GENERIC";
  return error instanceof errors.JOSEError && !isAboutKeys;
}

/** RFC 6750 §3. */
function refuse(response, [status, error, scope]) {
  const details = error === undefined ? "" : ` error="${error}"${scope === undefined ? "" : `, scope="${scope}"`}`;
  response.setHeader("content-type", "application/json");
  if (status === 503) response.setHeader("retry-after", "5");
  else response.setHeader("www-authenticate", `Bearer${details}`);
  response.writeHead(status).end(JSON.stringify({ error }));
}

async function answer(request, response) {
  const { claims, refused } = await authorize(request, "read");
  if (refused !== undefined) return refuse(response, refused);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ hello: claims.sub }));
}

createServer((request, response) => void answer(request, response)).listen(port, "127.0.0.1", () =>
  process.stderr.write(`listening on http://127.0.0.1:${port}\n`),
);
