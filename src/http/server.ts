/** What every listener of ours has in common: limits, request ids, headers, error answers and a drain that cuts nothing. */

import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { base64url } from "../domain/bytes.ts";
import type { Random } from "../domain/ports.ts";
import { createErrorHandler, foreseen, type HttpFailure, SERVER_ERROR } from "./failures.ts";
import { USUAL_TYPES } from "./body.ts";
import { addGracefulClose } from "./graceful-close.ts";
import { KnownRoutes } from "./known-routes.ts";
import { answerError } from "./refuse.ts";
import { answerConnect, answerSocketError } from "./socket-errors.ts";

export interface ServerOptions {
  readonly random: Random;
  /** Largest request body, 64 KiB if absent. */
  readonly bodyLimitBytes?: number;
  /** From the first byte of a request to its last; 10 s if absent. */
  readonly requestTimeoutMillis?: number;
  /** How long `close` waits for answers before it cuts the connections that are left; 8 s if absent. */
  readonly drainMillis?: number;
  /** Faults of ours. */
  readonly log?: ((event: HttpFailure) => void) | undefined;
  /** Called after each answer, with the route's pattern (`unknown` where there is no route). */
  readonly onResponse?: ((route: string, status: number) => void) | undefined;
  /** Called before the answer 405, with the methods that the path has. */
  readonly onWrongMethod?: (request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]) => void;
}

/** Longer than the idle timeout of the usual load balancers (60 s), so that it is never we who close under a request. */
const KEEP_ALIVE_MILLIS = 75_000;
const REQUEST_ID_BYTES = 16;
/** Two years (RFC 6797). */
const HSTS = "max-age=63072000";

/** A Fastify instance without routes. `secure`: the issuer is `https:`. Listening and closing is for the caller. */
export function createServer(options: ServerOptions, secure: boolean): FastifyInstance {
  const requestTimeoutMillis = options.requestTimeoutMillis ?? 10_000;
  const newRequestId = (): string => base64url(options.random(REQUEST_ID_BYTES));
  const headers = secure ? { ...HEADERS, "strict-transport-security": HSTS } : HEADERS;

  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024,
    requestTimeout: requestTimeoutMillis,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: newRequestId,
    http: {
      headersTimeout: requestTimeoutMillis,
      // How often Node.js looks at its timeouts; its default of 30 s would make every timeout that much longer.
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMillis),
      // Its own answer would have no body; the hook below answers.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => answerSocketError(error, socket, newRequestId()),
    frameworkErrors: (error, request, reply: FastifyReply) => {
      reply.headers({ ...headers, "x-request-id": request.id });
      void reply.send(answerError(reply, foreseen(error) ?? SERVER_ERROR));
    },
  });

  app.removeAllContentTypeParsers();
  // The usual types by name as well: what only `*` takes is looked for anew each time.
  app.addContentTypeParser([...USUAL_TYPES, "*"], { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler(createErrorHandler(options.log));
  // RFC 9110 §10.1.1 lets a server pass over an expectation it doesn't know; Node.js would answer 417 without a body.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  app.server.on("connect", (_request, socket) => answerConnect(socket as Socket, newRequestId()));
  addHeaders(app, headers);
  addGracefulClose(app, options.drainMillis ?? 8000);
  addUnknown(app, options);
  return app;
}

/** Whatever may be kept says so itself; Pragma is for RFC 6749 §5.1. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  pragma: "no-cache",
  "x-content-type-options": "nosniff",
};

function addHeaders(app: FastifyInstance, headers: Readonly<Record<string, string>>): void {
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(headers).header("x-request-id", request.id);
    if (request.headers.host !== undefined || request.raw.httpVersion !== "1.1") return done();
    reply.send(answerError(reply, { status: 400, error: "invalid_request", description: "the Host header is missing" }));
  });
}

function addUnknown(app: FastifyInstance, { onResponse, onWrongMethod }: Pick<ServerOptions, "onResponse" | "onWrongMethod">): void {
  const known = new KnownRoutes();
  app.addHook("onRoute", (route) => {
    known.add(route.url, route.method);
    if (onResponse === undefined) return;
    route.onResponse = (_request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      onResponse(route.url, reply.statusCode);
      done();
    };
  });
  app.setNotFoundHandler(async (request, reply) => {
    const allowed = known.allowed((request.raw.url ?? "").split("?")[0] ?? "");
    onResponse?.("unknown", allowed === undefined ? 404 : 405);
    if (allowed === undefined) return answerError(reply, { status: 404, error: "not_found", description: "there is nothing here" });
    onWrongMethod?.(request, reply, allowed);
    reply.header("allow", allowed.join(", "));
    return answerError(reply, { status: 405, error: "invalid_request", description: "the method is not allowed here" });
  });
}
