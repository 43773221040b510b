/** Requests made of the API description, for issuers that really decide. */

import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Test } from "tap";
import { JWT_BEARER } from "../../src/domain/policy.ts";
import { buildApp } from "../../src/http/app.ts";
import { ASSERTION_TYPE } from "../../src/http/client-credentials.ts";
import type { Issuer } from "../../src/issuer/types.ts";
import { systemDigests } from "../../src/platform/digests.ts";
import { assertion, newParty } from "../support/assertions.ts";
import type { DescribedOperation, Media, Parameter } from "../support/described.ts";
import { API, client, ISSUER, type Node, PASSWORD, policy, REPORTS, resource, SECRET, World } from "../support/issuer-world.ts";
import { type Answer, injected } from "./support.ts";

export type Method = "GET" | "POST" | "DELETE";
export type Values = Readonly<Record<string, string | readonly string[]>>;

export interface Request {
  readonly method: Method;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** What a request is made of, by the names that the description uses. */
export interface Choice {
  /** Members of the body, parameters. */
  readonly values: Values;
  /** The header; without it if absent. */
  readonly authorization?: string;
  readonly mediaType?: string | undefined;
  /** What the description says of no request in particular: a browser's Origin and Cookie. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Described {
  readonly method: Method;
  readonly path: string;
  readonly operation: DescribedOperation;
}

export function requestOf({ method, path, operation }: Described, { values, authorization, mediaType, headers = {} }: Choice): Request {
  const { parameters = [] } = operation;
  const inPlace = (place: Parameter["in"]) =>
    parameters.filter((one) => one.in === place && values[one.name] !== undefined).map(({ name }) => [name, String(values[name])] as const);
  const filled = inPlace("path").reduce((url, [name, value]) => url.replace(`{${name}}`, encodeURIComponent(value)), path);
  const query = new URLSearchParams(Object.fromEntries(inPlace("query"))).toString();
  const outside = new Set(parameters.map(({ name }) => name));
  const members = Object.fromEntries(Object.entries(values).filter(([name]) => !outside.has(name)));
  return {
    method,
    url: query === "" ? filled : `${filled}?${query}`,
    headers: {
      ...headers,
      ...Object.fromEntries(inPlace("header")),
      ...(authorization === undefined ? {} : { authorization }),
      ...(mediaType === undefined ? {} : { "content-type": mediaType }),
    },
    ...(mediaType === undefined ? {} : { body: spelled(mediaType, members) }),
  };
}

function spelled(mediaType: string, members: Values): string {
  if (mediaType === "application/json") return JSON.stringify(members);
  return new URLSearchParams(members as Record<string, string>).toString();
}

/** The answer; what is not described throws. */
export function sendTo(app: FastifyInstance, { method, url, headers, body }: Request): Promise<Answer> {
  return injected(app, method, url, headers, body);
}

export interface BodySchema {
  readonly properties: Readonly<Record<string, MemberSchema>>;
  readonly required?: readonly string[];
}

export interface MemberSchema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly MemberSchema[];
  readonly items?: MemberSchema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

export interface Named {
  readonly name: string;
  readonly required: boolean;
  readonly schema: MemberSchema;
  readonly in: Parameter["in"] | "body";
}

/** Everything with a name that a request may have. */
export function namedOf({ parameters = [] }: DescribedOperation, body: Media | undefined): readonly Named[] {
  const { properties = {}, required = [] } = (body?.schema ?? {}) as Partial<BodySchema>;
  return [
    ...parameters.map(({ name, required = false, schema, in: place }) => ({ name, required, schema, in: place })),
    ...Object.entries(properties).map(([name, schema]) => ({ name, required: required.includes(name), schema, in: "body" as const })),
  ];
}

/** The ways a request's body may come; undefined: without. */
export function bodiesOf({ requestBody }: DescribedOperation): readonly (readonly [mediaType: string, body: Media] | undefined)[] {
  if (requestBody === undefined) return [undefined];
  return [...(requestBody.required ? [] : [undefined]), ...Object.entries(requestBody.content)];
}

const WEB = "https://app.example.com";
const LOGIN = "https://login.example.com/team";
const machine = newParty("ES256");
const team = newParty("EdDSA");

const ALL = { resources: [API, REPORTS, ISSUER], sessions: true } as const;
const CONFIDENTIAL = {
  ...ALL,
  type: "confidential",
  grants: ["login", "refresh_token", "client_credentials", JWT_BEARER],
  secretSha256: systemDigests.sha256(Buffer.from(SECRET)),
  jwks: { jwks: machine.jwks },
} as const;
const COOKIE = { refreshTokenDelivery: "cookie", allowedOrigins: [WEB] } as const;

const CLIENTS = [
  client("app", ALL),
  client("web", { ...ALL, ...COOKIE }),
  client("backend", CONFIDENTIAL),
  client("site", { ...CONFIDENTIAL, ...COOKIE }),
  client("kiosk", { grants: ["refresh_token"] }),
  // A token for the issuer itself that lacks the scope `sessions`.
  client("reader", { resources: [ISSUER] }),
];
/** Clients that everything described is tried as, by where the secret is. */
const ACTORS = { client_secret_basic: ["backend", "site"], others: ["app", "site"] } as const;

/** One client's values for the names in requests: good ones, made anew for each that is asked for. */
export type Vocabulary = (name: string) => Promise<readonly Values[string][]>;

/** An issuer with its real decisions, in memory, and who uses it. */
export class RealEdge {
  readonly world: World;
  readonly node: Node;
  readonly app: FastifyInstance;

  private constructor(world: World, node: Node) {
    this.world = world;
    this.node = node;
    this.app = this.appOf(node.issuer);
  }

  static async make(t: Test): Promise<RealEdge> {
    const trusted = { issuer: LOGIN, jwks: { jwks: team.jwks }, subjectPrefix: "team:", clients: ["backend", "site"] };
    const standard = policy({ maxSessionsPerSubjectAndClient: 4, trustedIssuers: new Map([[LOGIN, trusted]]) }, CLIENTS);
    const resources = new Map(standard.resources).set(ISSUER, resource(ISSUER, { scopes: ["read"] }));
    const world = new World({ policy: { ...standard, resources } });
    t.teardown(() => world.close());
    const edge = new RealEdge(world, await world.startedNode());
    t.teardown(() => edge.app.close());
    await world.addUser("alice");
    return edge;
  }

  appOf(issuer: Issuer): FastifyInstance {
    return buildApp({ issuer, random: randomBytes, requestTimeoutMillis: 1_000 });
  }

  actors(scheme: string | undefined): readonly string[] {
    return scheme === "client_secret_basic" ? ACTORS.client_secret_basic : ACTORS.others;
  }

  /** The Authorization header of a security scheme. */
  async authorization(scheme: string | undefined, clientId: string): Promise<string | undefined> {
    if (scheme === undefined) return undefined;
    if (scheme === "client_secret_basic") return `Basic ${Buffer.from(`${clientId}:${SECRET.replaceAll(" ", "+")}`).toString("base64")}`;
    if (scheme === "access_token") return `Bearer ${await this.ownerToken(clientId)}`;
    throw new Error(`nobody said what ${scheme} is`);
  }

  async ownerToken(clientId: string): Promise<string> {
    const { refreshToken } = await this.node.logIn("alice", { clientId });
    return (await this.node.refresh(refreshToken, { clientId, resource: ISSUER })).accessToken;
  }

  /** What a browser adds to the requests of a client's page. */
  async browserHeaders(clientId: string): Promise<Readonly<Record<string, string>>> {
    if (this.node.client(clientId).refreshTokenDelivery !== "cookie") return {};
    const { refreshToken } = await this.node.logIn("alice", { clientId });
    return { origin: WEB, cookie: cookieOf(clientId, refreshToken) };
  }

  vocabulary(clientId: string): Vocabulary {
    const logIn = () => this.node.logIn("alice", { clientId });
    const refreshToken = async () => [(await logIn()).refreshToken];
    const now = { aud: ISSUER, now: this.world.now };
    const words: Readonly<Record<string, () => readonly Values[string][] | Promise<readonly Values[string][]>>> = {
      username: () => ["alice"],
      password: () => [PASSWORD],
      client_id: () => [clientId],
      client_secret: () => [SECRET],
      client_assertion: async () => [await assertion(machine, { ...now, iss: clientId, sub: clientId })],
      client_assertion_type: () => [ASSERTION_TYPE],
      assertion: async () => [await assertion(team, { ...now, iss: LOGIN, sub: "bob" })],
      scope: () => ["read"],
      resource: () => [API, [API, REPORTS]],
      refresh_token: refreshToken,
      token: refreshToken,
      token_type_hint: () => ["refresh_token"],
      sid: async () => [(await logIn()).sid],
      "Idempotency-Key": () => ["0123456789abcdef"],
      "If-None-Match": () => [this.node.issuer.jwks()?.etag ?? ""],
    };
    return async (name) => (await words[name]?.()) ?? [];
  }
}

export function cookieOf(clientId: string, refreshToken: string): string {
  return `__Host-mintmark-${clientId}=${refreshToken}`;
}
