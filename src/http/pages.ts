/** Browser pages: which origins may use the issuer, by CORS and by cookie, and what keeps every other page out. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Client, Policy } from "../domain/policy.ts";
import { checkRequest } from "./body.ts";
import { cookieNameOf, readCookies, readRefreshCookie } from "./refresh-cookie.ts";
import { invalidRequest, refuse, type Rejection } from "./refuse.ts";

const FOREIGN = invalidRequest(
  "requests of a cookie client come from one of its pages: Origin is missing or not one of its allowedOrigins",
  403,
);
const REPEATED_COOKIE = invalidRequest("a cookie of the issuer is repeated");

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** How long a browser may keep the answer to a preflight: what Chromium caps it at. The request itself is checked all the same. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200;

export class Pages {
  readonly #issuer: string;
  readonly #known: ReadonlySet<string>;
  /** Origins whose requests may carry a cookie of ours. */
  readonly #credentialed: ReadonlySet<string>;
  readonly #cookieNames: ReadonlySet<string>;

  constructor({ issuer, clients }: Pick<Policy, "issuer" | "clients">) {
    this.#issuer = issuer;
    const all = [...clients.values()];
    const ofCookies = all.filter(isCookieClient);
    this.#known = new Set(all.flatMap(({ allowedOrigins }) => allowedOrigins));
    this.#credentialed = new Set(ofCookies.flatMap(({ allowedOrigins }) => allowedOrigins));
    this.#cookieNames = new Set(ofCookies.map(({ id }) => cookieNameOf(issuer, id)));
  }

  /** CORS on every answer of these routes, on errors too, preflights, and no cookie from anywhere else. `addRoutes` adds them to `app`. */
  serve(app: FastifyInstance, addRoutes: () => void): void {
    const methods = new Map<string, string[]>();
    app.addHook("onRoute", ({ url, method }) => {
      const added = [method].flat().filter((one) => one !== "HEAD");
      methods.set(url, [...(methods.get(url) ?? []), ...added]);
    });
    app.addHook("onRequest", (request, reply, done) => {
      this.share(request, reply);
      // A browser says where such a request is from even to its own origin; of a GET it does not.
      const fault = SAFE_METHODS.has(request.method) ? undefined : this.#cookieFault(request);
      if (fault === undefined) return done();
      reply.send(refuse(reply, fault, "Basic"));
    });
    addRoutes();
    for (const [url, allowed] of methods) addPreflight(app, url, allowed.join(", "));
  }

  /**
   * After the client is known: its pages only, where the request could set its cookie, or carries it. Another client's page
   * can't read the answer.
   */
  admit(request: FastifyRequest, reply: FastifyReply, client: Client, couldSetCookie: boolean): Rejection | undefined {
    narrow(request, reply, client);
    if (!isCookieClient(client)) return undefined;
    if (!couldSetCookie && readRefreshCookie(request, this.#issuer, client.id) === undefined) return undefined;
    return isFrom((origin) => client.allowedOrigins.includes(origin), request) ? undefined : FOREIGN;
  }

  /** Fetch standard, "CORS protocol". What the origin gets depends on it, so caches must know. */
  share(request: FastifyRequest, reply: FastifyReply): void {
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !this.#known.has(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", "Retry-After, X-Request-Id");
    if (this.#credentialed.has(origin)) reply.header("access-control-allow-credentials", "true");
  }

  /** Before anything is read: a cookie of ours comes once, and from a page that some client has. */
  #cookieFault(request: FastifyRequest): Rejection | undefined {
    const { cookie } = request.headers;
    if (cookie === undefined || this.#cookieNames.size === 0) return undefined;
    const fault = checkRequest(request);
    if (fault !== undefined) return fault;
    const names = readCookies(cookie)
      .map(([name]) => name)
      .filter((name) => this.#cookieNames.has(name));
    if (names.length === 0) return undefined;
    if (new Set(names).size < names.length) return REPEATED_COOKIE;
    return isFrom((origin) => this.#known.has(origin), request) ? undefined : FOREIGN;
  }
}

/** The headers that `share` has set say whether the origin is one of ours. */
function addPreflight(app: FastifyInstance, url: string, methods: string): void {
  app.options(url, (_request, reply) => {
    reply.code(204).header("allow", `${methods}, OPTIONS`).removeHeader("access-control-expose-headers");
    reply.header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    if (reply.hasHeader("access-control-allow-origin")) {
      reply.header("access-control-allow-methods", methods);
      reply.header("access-control-allow-headers", "Content-Type, Authorization, Idempotency-Key");
      reply.header("access-control-max-age", PREFLIGHT_MAX_AGE_SECONDS);
    }
    reply.send();
  });
}

export function isCookieClient({ refreshTokenDelivery }: Client): boolean {
  return refreshTokenDelivery === "cookie";
}

/** `Sec-Fetch-Site` says what the browser knows; those that don't send it send an Origin all the same (Fetch standard). */
function isFrom(isListed: (origin: string) => boolean, { headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  const isNear = site === undefined || site === "same-origin" || site === "same-site";
  return headers.origin !== undefined && isListed(headers.origin) && isNear;
}

/** From what some client's page may read to what this client's may. */
export function narrow(request: FastifyRequest, reply: FastifyReply, client: Client): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!isCookieClient(client)) reply.removeHeader("access-control-allow-credentials");
  if (client.allowedOrigins.includes(origin)) return;
  for (const name of ["allow-origin", "allow-credentials", "expose-headers"]) reply.removeHeader(`access-control-${name}`);
}
