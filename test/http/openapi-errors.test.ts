/**
 * Each error that the description names is provoked at each route that it names it for, of an issuer that really decides where
 * that can be. An error that nobody here knows how to provoke is a failure, like one that is answered and not described.
 */

import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import type { Issuer } from "../../src/issuer/types.ts";
import { errorWords } from "../support/described.ts";
import { API, ISSUER } from "../support/issuer-world.ts";
import {
  bodiesOf,
  type Choice,
  cookieOf,
  type Described,
  type Method,
  namedOf,
  RealEdge,
  requestOf,
  sendTo,
  type Values,
} from "./described-requests.ts";
import { type Answer, description, errorOf, listen } from "./support.ts";

const operations: readonly Described[] = description.operations.map(([method, path, operation]) => ({
  method: method as Method,
  path,
  operation,
}));

/** A request with what is needed and nothing more, that is granted. */
async function least(edge: RealEdge, described: Described): Promise<Choice> {
  const { operation } = described;
  const body = bodiesOf(operation).at(-1);
  const vocabulary = edge.vocabulary("backend");
  const needed = namedOf(operation, body?.[1]).filter(({ required }) => required);
  const values: Record<string, Values[string]> = {};
  for (const { name, schema } of needed) values[name] = schema.enum?.[0] ?? (await vocabulary(name))[0] ?? "";
  if (values["grant_type"] === "refresh_token") values["refresh_token"] = (await vocabulary("refresh_token"))[0] ?? "";
  const authorization = await edge.authorization(Object.keys(operation.security[0] ?? {})[0], "backend");
  return { values, mediaType: body?.[0], ...(authorization === undefined ? {} : { authorization }) };
}

/** The same request with something else in it. */
async function sendWith(edge: RealEdge, described: Described, values: Values, more: Omit<Partial<Choice>, "values"> = {}): Promise<Answer> {
  const usual = await least(edge, described);
  return sendTo(edge.app, requestOf(described, { ...usual, ...more, values: { ...usual.values, ...values } }));
}

/** The same request by a client without a secret. */
async function sendBare(edge: RealEdge, described: Described, values: Values, headers: Record<string, string> = {}): Promise<Answer> {
  const { authorization: _, ...usual } = await least(edge, described);
  return sendTo(edge.app, requestOf(described, { ...usual, headers, values: { ...usual.values, ...values } }));
}

/** What comes back for bytes, as an answer that the description judges. */
async function sendBytes(described: Described, port: number, bytes: string): Promise<Answer> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (piece: Buffer) => void (text += piece.toString()));
  socket.write(bytes);
  await once(socket, "close");
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [line = "", ...rows] = head.split("\r\n");
  const headers = Object.fromEntries(rows.map((row) => [row.slice(0, row.indexOf(":")).toLowerCase(), row.slice(row.indexOf(":") + 2)]));
  const answer = { status: Number(line.split(" ")[1]), headers, body };
  description.assertDescribed(described.method, described.path, answer);
  return answer;
}

type Provoke = (edge: RealEdge, described: Described, port: number) => Promise<Answer>;

/** What every route can be brought to say in the same way, by status and word. */
const EVERYWHERE: Readonly<Record<string, Provoke>> = {
  "400 invalid_request": (_edge, described, port) =>
    sendBytes(described, port, `${described.method} ${described.path} HTTP/1.1\r\nConnection: close\r\n\r\n`),
  "401 invalid_client": (edge, described) => sendBare(edge, described, {}),
  "401 invalid_token": (edge, described) => sendBare(edge, described, {}),
  "403 insufficient_scope": async (edge, described) => {
    const { accessToken } = await edge.node.logIn("alice", { clientId: "reader", resources: [ISSUER] });
    return sendWith(edge, described, {}, { authorization: `Bearer ${accessToken}` });
  },
  "403 invalid_request": (edge, described) =>
    sendWith(edge, described, {}, { headers: { cookie: cookieOf("web", "mmr_any"), origin: "https://evil.example" } }),
  "408 invalid_request": (_edge, described, port) =>
    sendBytes(described, port, `${described.method} ${described.path} HTTP/1.1\r\nHost: x\r\n`),
  "413 invalid_request": (edge, { method, path }) =>
    sendTo(edge.app, { method, url: path, headers: { "content-type": "application/json" }, body: "x".repeat(70_000) }),
  "414 invalid_request": (edge, { method, path }) =>
    sendTo(edge.app, { method, url: path.replaceAll(/\{\w+\}/g, "x".repeat(500)), headers: {} }),
  "415 invalid_request": (edge, { method, path }) =>
    sendTo(edge.app, { method, url: path, headers: { "content-type": "nonsense" }, body: "x" }),
  "431 invalid_request": (_edge, described, port) =>
    sendBytes(described, port, `${described.method} ${described.path} HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
  "500 server_error": async (edge, described) => {
    const app = edge.appOf(broken(edge.node.issuer));
    return sendTo(app, requestOf(described, await least(edge, described)));
  },
  "503 temporarily_unavailable": async (edge, described) => {
    const request = requestOf(described, await least(edge, described));
    // The JWK Set goes on without the store; only an issuer that never saw it has none.
    const app = described.operation.operationId === "getJwks" ? edge.appOf((await edge.world.node()).issuer) : edge.app;
    edge.node.link.outage = "unavailable";
    try {
      return await sendTo(app, request);
    } finally {
      edge.node.link.outage = undefined;
    }
  },
};

/** An issuer with a fault in every flow. */
function broken(issuer: Issuer): Issuer {
  return new Proxy(issuer, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return () => {
        throw new TypeError("a fault of ours");
      };
    },
  });
}

/** What one route says for its own reasons. */
const OWN: Readonly<Record<string, Readonly<Record<string, Provoke>>>> = {
  logIn: {
    "400 unauthorized_client": (edge, described) => sendBare(edge, described, { client_id: "kiosk" }),
    "400 invalid_scope": (edge, described) => sendWith(edge, described, { scope: "admin" }),
    "400 invalid_target": (edge, described) => sendWith(edge, described, { resource: "https://elsewhere.example" }),
    "401 invalid_credentials": (edge, described) => sendWith(edge, described, { password: "wrong" }),
    "429 slow_down": async (edge, described) => {
      const guess: Values = { username: "mallory", password: "wrong" };
      for (let failed = 0; failed < 10; failed += 1) await sendWith(edge, described, guess);
      return sendWith(edge, described, guess);
    },
  },
  exchangeToken: {
    "400 unauthorized_client": (edge, described) => sendBare(edge, described, { grant_type: "client_credentials", client_id: "app" }),
    "400 unsupported_grant_type": (edge, described) => sendWith(edge, described, { grant_type: "password" }),
    "400 invalid_grant": (edge, described) => sendWith(edge, described, { refresh_token: "mmr_no" }),
    "400 invalid_scope": (edge, described) => sendWith(edge, described, { scope: "admin" }),
    "400 invalid_target": (edge, described) => sendWith(edge, described, { resource: "https://elsewhere.example" }),
  },
  revokeToken: {
    "400 invalid_grant": async (edge, described) => sendWith(edge, described, { token: (await edge.node.logIn("alice")).refreshToken }),
    "400 unsupported_token_type": async (edge, described) => {
      const own = await edge.node.issuer.clientCredentials({ client: edge.node.client("backend"), resource: API });
      return sendWith(edge, described, { token: "accessToken" in own ? own.accessToken : "" });
    },
  },
  logOut: {
    "400 invalid_grant": async (edge, described) => {
      const { cookie: _, ...headers } = await edge.browserHeaders("web");
      const { refreshToken } = await edge.node.logIn("alice", { clientId: "app" });
      return sendBare(edge, described, { client_id: "web" }, { ...headers, cookie: cookieOf("web", refreshToken) });
    },
    "401 invalid_client": (edge, described) => sendBare(edge, described, { client_id: "nobody" }),
  },
  endSession: {
    "404 not_found": (edge, described) => sendWith(edge, described, { sid: "no-such-session" }),
  },
};

/** Every error of every route, by status and word. */
const ERRORS = operations.flatMap((described) =>
  Object.entries(described.operation.responses).flatMap(([status, response]) =>
    errorWords(description.resolve(response)).map((word) => [described, `${status} ${word}`] as const),
  ),
);

t.test("each error that is described can be provoked, and says what is described", async (t) => {
  const edge = await RealEdge.make(t);
  const port = await listen(edge.app);
  const provoke = async ([described, error]: (typeof ERRORS)[number]): Promise<void> => {
    const { method, path, operation } = described;
    const how = OWN[operation.operationId]?.[error] ?? EVERYWHERE[error];
    if (how === undefined) throw new Error(`nobody knows how ${method} ${path} comes to say ${error}`);
    const answer = await how(edge, described, port);
    t.equal(`${answer.status} ${errorOf(answer)}`, error, `${method} ${path}`);
  };
  const isLate = (error: string) => error.startsWith("408");
  for (const one of ERRORS) if (!isLate(one[1])) await provoke(one);
  // These wait for a timeout, so all at once.
  await Promise.all(ERRORS.filter(([, error]) => isLate(error)).map(provoke));
});

t.test("nothing that a route says for its own reasons is left undescribed", async (t) => {
  const described = new Set(ERRORS.map(([{ operation }, error]) => `${operation.operationId} ${error}`));
  for (const [operationId, errors] of Object.entries(OWN))
    for (const error of Object.keys(errors)) t.ok(described.has(`${operationId} ${error}`), `${operationId} ${error}`);
});

t.test("without the fault the same request is granted", async (t) => {
  const edge = await RealEdge.make(t);
  for (const described of operations) t.ok((await sendWith(edge, described, {})).status < 300, `${described.method} ${described.path}`);
});
