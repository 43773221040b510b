/** The issuer's calls as one client makes them. Each becomes a line of the history. */

import { randomUUID } from "node:crypto";
import type { Answer, Call } from "../../../scripts/figures/support/http.ts";
import type { Draw } from "../../../scripts/figures/support/random.ts";
import { assertion } from "../../support/assertions.ts";
import type { OperationLine, OperationName, Outcome, Role } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";
import { JWT_BEARER, LOGIN_ISSUER, SECRET } from "./parties.ts";
import type { Parties } from "./parties.ts";
import { claimsOf, ClientSession, hashOf, knownToken } from "./session.ts";
import type { ClientId, KnownToken, TokenClaims } from "./session.ts";
import type { Targets } from "./targets.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_BODY = { "content-type": "application/json" };

export interface World {
  readonly recorder: Recorder;
  readonly targets: Targets;
  readonly parties: Parties;
  /** The `iss` of all processes. */
  readonly issuer: string;
}

export interface Result {
  readonly outcome: Outcome;
  readonly error: string | undefined;
  readonly token: KnownToken | undefined;
  readonly accessToken: string | undefined;
  /** What introspection says. */
  readonly active: boolean | undefined;
}

export interface RefreshOptions {
  readonly exchangeKey?: string | undefined;
  readonly lose?: Call["lose"] | undefined;
  readonly resource?: string | undefined;
}

type Known = Partial<OperationLine>;

export class Calls {
  readonly #world: World;
  readonly #client: string;
  readonly #draw: Draw;
  readonly #role: Role;
  readonly #isProbe: boolean;

  constructor(world: World, client: string, draw: Draw, role: Role = "owner", isProbe = false) {
    this.#world = world;
    this.#client = client;
    this.#draw = draw;
    this.#role = role;
    this.#isProbe = isProbe;
  }

  /** The same client in another role. */
  as(role: Role): Calls {
    return new Calls(this.#world, this.#client, this.#draw, role, this.#isProbe);
  }

  /** By an assertion of the trusted issuer, which is also given back: each is good once. */
  async logIn(clientId: ClientId, person: string): Promise<{ session: ClientSession | undefined; result: Result; assertion: string }> {
    const { issuer, parties } = this.#world;
    const signed = await assertion(parties.login, { iss: LOGIN_ISSUER, sub: person, aud: issuer, now: Date.now() });
    const result = await this.presentAssertion(clientId, signed);
    return { session: sessionIn(clientId, result), result, assertion: signed };
  }

  presentAssertion(clientId: ClientId, signed: string): Promise<Result> {
    const call = post("/token", { ...credentials(clientId), grant_type: JWT_BEARER, assertion: signed });
    return this.#ask("login", call, { assertion: hashOf(signed) });
  }

  async logInWithPassword(username: string, password: string): Promise<ClientSession | undefined> {
    const body = JSON.stringify({ username, password, client_id: "app" });
    return sessionIn("app", await this.#ask("login_password", { method: "POST", path: "/login", headers: JSON_BODY, body }, {}));
  }

  refresh(session: ClientSession, token: KnownToken, options: RefreshOptions = {}): Promise<Result> {
    const { exchangeKey, lose, resource } = options;
    const parameters = { ...credentials(session.clientId), grant_type: "refresh_token", refresh_token: token.text };
    const call = post("/token", resource === undefined ? parameters : { ...parameters, resource });
    const headers = exchangeKey === undefined ? call.headers : { ...call.headers, "idempotency-key": exchangeKey };
    const known = { sid: token.sid, sub: session.sub, tokenIn: hashOf(token.text), generationIn: token.generation };
    const exchange = exchangeKey === undefined ? {} : { exchange: hashOf(exchangeKey) };
    return this.#ask("refresh", { ...call, headers, ...(lose === undefined ? {} : { lose }) }, { ...known, ...exchange });
  }

  revoke(session: ClientSession, token: string): Promise<Result> {
    return this.#ask("revoke", post("/revoke", { ...credentials(session.clientId), token }), of(session));
  }

  logOut(session: ClientSession): Promise<Result> {
    return this.#ask("logout", withBearer("POST", "/logout", session.accessToken), of(session));
  }

  /** `ownToken`: an access token of the session, or of another of its subject, for the issuer itself. */
  endSession(session: ClientSession, ownToken: string): Promise<Result> {
    return this.#ask("end_session", withBearer("DELETE", `/sessions/${session.sid}`, ownToken), of(session));
  }

  endSessions(session: ClientSession, ownToken: string): Promise<Result> {
    return this.#ask("end_sessions", withBearer("DELETE", "/sessions", ownToken), of(session));
  }

  introspectRefreshToken(session: ClientSession, token: KnownToken): Promise<Result> {
    return this.#introspect(token.text, { ...of(session), tokenIn: hashOf(token.text), generationIn: token.generation });
  }

  introspectAccessToken(session: ClientSession, accessToken: string): Promise<Result> {
    const { kid, iat, exp } = claimsOf(accessToken);
    return this.#introspect(accessToken, { ...of(session), ...defined({ kid, iat, exp }) });
  }

  #introspect(token: string, known: Known): Promise<Result> {
    return this.#ask("introspect", post("/introspect", { ...credentials("backend"), token }), known);
  }

  async #ask(op: OperationName, call: Call, known: Known): Promise<Result> {
    const { recorder, targets } = this.#world;
    const invokedAt = recorder.now();
    const { answer, node } = await targets.send(call, this.#draw(targets.count));
    const doneAt = recorder.now();
    const outcome = outcomeOf(answer.status);
    const members = membersOf(answer);
    const error = answer.failure ?? textOf(members["error"]);
    const active = op === "introspect" && outcome === "ok" ? members["active"] === true : undefined;
    const result = { outcome, error, active, ...(outcome === "ok" ? grantIn(members) : { token: undefined, accessToken: undefined }) };
    recorder.operation({
      invokedAt,
      doneAt,
      client: this.#client,
      role: this.#role,
      op,
      node,
      outcome,
      status: answer.status,
      ...defined({ error, active, isProbe: this.#isProbe ? true : undefined }),
      ...known,
      ...granted(result),
    });
    return result;
  }
}

function granted({ token, accessToken }: Result): Known {
  const claims: TokenClaims = accessToken === undefined ? {} : claimsOf(accessToken);
  const out = token === undefined ? {} : { sid: token.sid, tokenOut: hashOf(token.text), generationOut: token.generation };
  return { ...claims, ...out };
}

function of({ sid, sub }: ClientSession): Known {
  return { sid, sub };
}

function sessionIn(clientId: ClientId, { token, accessToken }: Result): ClientSession | undefined {
  if (token === undefined || accessToken === undefined) return undefined;
  return new ClientSession(clientId, claimsOf(accessToken).sub ?? "", token, accessToken);
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return "ok";
  return status >= 400 && status < 500 ? "refused" : "unknown";
}

function grantIn(members: Readonly<Record<string, unknown>>): Pick<Result, "token" | "accessToken"> {
  const text = textOf(members["refresh_token"]);
  return { token: text === undefined ? undefined : knownToken(text), accessToken: textOf(members["access_token"]) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function membersOf({ body }: Answer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function credentials(clientId: ClientId): Readonly<Record<string, string>> {
  return clientId === "backend" ? { client_id: clientId, client_secret: SECRET } : { client_id: clientId };
}

function post(path: string, parameters: Readonly<Record<string, string>>): Call & { readonly headers: typeof FORM } {
  return { method: "POST", path, headers: FORM, body: new URLSearchParams(parameters).toString() };
}

function withBearer(method: "POST" | "DELETE", path: string, accessToken: string): Call {
  return { method, path, headers: { authorization: `Bearer ${accessToken}` } };
}

function defined<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** As long as an Idempotency-Key has to be. */
export function newExchangeKey(): string {
  return randomUUID();
}
