/**
 * A sample resource server: verifies access tokens by itself, with nothing from mintmark but the URL of the JWK Set. That is
 * all a resource server in any language has to do (RFC 9068 §4).
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose";
import { type Listening, listen } from "./listen.ts";

export interface ResourceServer extends Listening {
  /** How often it asked the issuer for the JWK Set. */
  jwksFetches(): number;
}

export interface ResourceServerOptions {
  readonly issuer: string;
  /** What it is called in `aud`. */
  readonly audience: string;
  readonly requiredScope: string;
}

export async function startResourceServer({ issuer, audience, requiredScope }: ResourceServerOptions): Promise<ResourceServer> {
  let fetches = 0;
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    [customFetch]: (url, init) => {
      fetches += 1;
      return fetch(url, init);
    },
  });

  async function verify(token: string): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: "at+jwt", algorithms: ["ES256", "EdDSA"] });
    return payload;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return send(response, 401, { error: "invalid_request" });
    try {
      const { sub, scope } = await verify(token);
      if (!String(scope).split(" ").includes(requiredScope)) return send(response, 403, { error: "insufficient_scope" });
      send(response, 200, { report: "all coins accounted for", for: sub });
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) return send(response, 503, { error: "temporarily_unavailable" });
      send(response, 401, { error: "invalid_token", error_description: error.code });
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  const listening = await listen(server);
  return {
    ...listening,
    jwksFetches: () => fetches,
    async close() {
      server.closeAllConnections();
      await listening.close();
    },
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  const challenge = status === 401 ? { "www-authenticate": "Bearer" } : {};
  response.writeHead(status, { "content-type": "application/json", ...challenge }).end(JSON.stringify(body));
}
