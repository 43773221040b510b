/** What the names in a row's braces stand for; made for each row anew. */

import { form } from "../../support/client-calls.ts";
import { SECRET } from "../../support/issuer-process.ts";
import { pause } from "../../support/wait.ts";
import { namedAssertion } from "./assertions.ts";
import type { Signing } from "./assertions.ts";
import { begin, cookieOf, nextToken, session } from "./clients.ts";
import type { Row } from "./row.ts";
import { APP_ORIGIN, ISSUER, LOGIN_ISSUER, LONG_PASSWORD, SECOND_ISSUER, SITE } from "./world.ts";
import type { Held, World } from "./world.ts";

export type Values = Readonly<Record<string, string>>;

export interface Made {
  /** The newest refresh token of the session that the row is about. */
  readonly token: string;
  readonly values: Values;
}

const basicText = (id: string, secret: string): string => Buffer.from(`${id}:${secret}`).toString("base64");

/** Changes one character of a refresh token, and leaves it one by its form. */
function flipped(token: string): string {
  const at = token.length - 10;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

/** The claims of a good token under a signature of nobody. */
function forged(token: string): string {
  const [header, claims] = token.split(".");
  return `${header}.${claims}.${Buffer.alloc(64, 1).toString("base64url")}`;
}

const NAMES = /\{\{([^}]+)\}\}/g;

export function filled(text: string, values: Values): string {
  return text.replace(NAMES, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a row needs ${name}, which nobody makes`);
    return value;
  });
}

function namesIn(row: Row): ReadonlySet<string> {
  return new Set(Array.from(JSON.stringify(row.input).matchAll(NAMES), (found) => found[1] ?? ""));
}

/** Known without asking anybody. */
export function constants(clientId: string, { refreshToken, accessToken }: Held): Values {
  return {
    TOKEN: "/token",
    LOGIN: "/login",
    REVOKE: "/revoke",
    INTROSPECT: "/introspect",
    COOKIE_REFRESH: "/token",
    APP_ORIGIN,
    SITE,
    ISSUER,
    COOKIE: `${cookieOf(clientId)}=${refreshToken}`,
    PUBLIC_CLIENT: clientId,
    OTHER_CLIENT: "other",
    CONF_CLIENT: "service",
    CONF_SECRET: SECRET,
    CONF_BASIC: basicText("service", SECRET),
    CONF_BASIC_WRONG: basicText("service", `${SECRET}x`),
    MACHINE_BASIC: basicText("machine", SECRET),
    RT: refreshToken,
    RT_BITFLIP: flipped(refreshToken),
    RT_CUT: refreshToken.slice(0, -1),
    RT_UPPER: refreshToken.toUpperCase(),
    ACCESS_JWT: accessToken,
    FORGED_JTI: forged(accessToken),
    "72 bytes": LONG_PASSWORD.slice(0, 72),
  };
}

/** Who signs `CA:` (client assertions) and `GA:` (assertions as a grant), and `SA:` (those of the second trusted issuer). */
export function signingOf(kind: string, { parties }: World): Signing {
  const { machine, machine2, login, second, remote } = parties;
  const common = { neighbour: machine2, aud: ISSUER };
  switch (kind) {
    case "CA":
      return { ...common, party: machine, iss: "machine", sub: "machine", otherType: "authorization-grant+jwt" };
    case "RA":
      return { ...common, party: remote, iss: "remote", sub: "remote", otherType: "authorization-grant+jwt" };
    case "GA":
      return { ...common, party: login, iss: LOGIN_ISSUER, sub: "person", otherType: "client-authentication+jwt" };
    case "SA":
      return { ...common, party: second, iss: SECOND_ISSUER, sub: "ner", otherType: "client-authentication+jwt" };
    default:
      throw new Error(`nobody signs assertions of the kind ${kind}`);
  }
}

export async function valuesOf(world: World, row: Row, clientId: string): Promise<Made> {
  const { issuer } = world;
  const first = await session(world, clientId);
  const names = namesIn(row);
  const values: Record<string, string> = { ...constants(clientId, first) };
  let token = first.refreshToken;
  if (names.has("RT2")) values["RT2"] = (await begin(issuer, clientId)).refreshToken;
  if (names.has("RT_REVOKED")) values["RT_REVOKED"] = await revoked(world, clientId);
  if (names.has("RT_OF_OTHER")) values["RT_OF_OTHER"] = (await begin(issuer, "other")).refreshToken;
  if (names.has("RT_OF_ADMIN")) values["RT_OF_ADMIN"] = (await begin(issuer, "admin")).refreshToken;
  if (names.has("ACCESS_EXPIRED")) values["ACCESS_EXPIRED"] = (await begin(issuer, "idle")).accessToken;
  if ([...names].some((name) => name.endsWith("_EXPIRED"))) {
    values["RT_IDLE_EXPIRED"] = values["RT_ABS_EXPIRED"] = token;
    await pause(1_150);
  }
  if (names.has("RT_PREV_LATE") || names.has("RT_GRANDPARENT")) {
    values["RT_PREV_LATE"] = values["RT_GRANDPARENT"] = token;
    token = await nextToken(issuer, clientId, token);
    if (names.has("RT_GRANDPARENT")) token = await nextToken(issuer, clientId, token);
    await pause(20);
  }
  if (names.has("ETAG") || names.has("OLD_ETAG")) {
    values["ETAG"] = values["OLD_ETAG"] = (await issuer.send("/.well-known/jwks.json")).headers["etag"] ?? "";
  }
  return { token, values: { ...values, ...assertionsIn(names, world) } };
}

export function assertionsIn(names: Iterable<string>, world: World): Values {
  const made = [...names].flatMap((name) => {
    const [, kind, rest] = /^([A-Z]A):(.*)$/.exec(name) ?? [];
    return kind === undefined || rest === undefined ? [] : [[name, namedAssertion(rest, signingOf(kind, world))] as const];
  });
  return Object.fromEntries(made);
}

async function revoked({ issuer }: World, clientId: string): Promise<string> {
  const { refreshToken, accessToken } = await begin(issuer, clientId);
  const ended = await form(issuer, "/revoke", { token: accessToken, client_id: clientId });
  if (ended.status !== 200) throw new Error(`a session can't be revoked: ${ended.status} ${ended.body}`);
  return refreshToken;
}
