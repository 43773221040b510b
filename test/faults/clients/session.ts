/** A session as its client knows it. */

import { createHash } from "node:crypto";
import { parseRefreshToken } from "../../../src/domain/refresh-token.ts";

export type ClientId = "app" | "backend";

export interface KnownToken {
  readonly text: string;
  readonly sid: string;
  readonly generation: number;
}

const KEPT_TOKENS = 10;

export class ClientSession {
  readonly sid: string;
  readonly sub: string;
  readonly clientId: ClientId;
  /** The token store: what came last. */
  current: KnownToken;
  accessToken: string;
  /** Of the exchange that gave the current token, where it had one. */
  exchangeKey: string | undefined;
  /** Its end was asked for, or told. */
  isOver = false;
  /** Somebody else holds one of its tokens. */
  isStolen = false;
  readonly #known: KnownToken[];

  constructor(clientId: ClientId, sub: string, first: KnownToken, accessToken: string) {
    this.sid = first.sid;
    this.sub = sub;
    this.clientId = clientId;
    this.current = first;
    this.accessToken = accessToken;
    this.#known = [first];
  }

  /** Tokens that it had, oldest first: the first one and the last few. */
  get known(): readonly KnownToken[] {
    return this.#known.toSorted((a, b) => a.generation - b.generation);
  }

  /** Stores what an exchange gave: the last answer wins, as with a cookie. */
  take(token: KnownToken, accessToken: string, exchangeKey: string | undefined): void {
    this.current = token;
    this.accessToken = accessToken;
    this.exchangeKey = exchangeKey;
    if (this.#known.some(({ text }) => text === token.text)) return;
    this.#known.push(token);
    if (this.#known.length > KEPT_TOKENS) this.#known.splice(1, 1);
  }
}

/** Undefined for what is no refresh token. */
export function knownToken(text: string): KnownToken | undefined {
  const parsed = parseRefreshToken(text);
  if (parsed === undefined) return undefined;
  const sid = createHash("sha256").update(parsed.handle).digest().subarray(0, 16).toString("base64url");
  return { text, sid, generation: parsed.generation };
}

/** How a history names a token. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

export interface TokenClaims {
  readonly sub?: string;
  readonly sid?: string;
  readonly kid?: string;
  readonly jti?: string;
  readonly iat?: number;
  readonly exp?: number;
}

/** What an access token says, believed. */
export function claimsOf(accessToken: string): TokenClaims {
  const [header = "", payload = ""] = accessToken.split(".");
  return { ...partOf(payload), ...partOf(header) };
}

function partOf(text: string): TokenClaims {
  const { sub, sid, kid, jti, iat, exp } = JSON.parse(Buffer.from(text, "base64url").toString()) as TokenClaims;
  return Object.fromEntries(Object.entries({ sub, sid, kid, jti, iat, exp }).filter(([, value]) => value !== undefined));
}
