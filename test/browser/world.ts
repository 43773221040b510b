/** An issuer behind TLS, pages of all sorts beside it, and a browser that visits them. */

import type { Browser, BrowserContext, Cookie, Page } from "playwright-core";
import type { Test } from "tap";
import type { ConfigDocument } from "../../src/config.ts";
import { parseRefreshToken } from "../../src/domain/refresh-token.ts";
import { call } from "../support/http-call.ts";
import { API, baseSettings, Home } from "../support/issuer-process.ts";
import type { HomeOptions, RunningIssuer } from "../support/issuer-process.ts";
import { openBrowser, openContext, skipWithoutChromium } from "./chromium.ts";
import { ISSUER_HOST, skipWithoutOpenssl, startFront } from "./front.ts";
import type { Front } from "./front.ts";

export const skipWithoutBrowser: string | false = skipWithoutChromium || skipWithoutOpenssl;

export const ISSUER = `https://${ISSUER_HOST}`;
/** Pages of the cookie clients `web` and `admin`, on the issuer's site. */
export const WEB = "https://app.example.test";
export const ADMIN = "https://admin.example.test";
/** A page of the body client `spa`, on another site. */
export const SPA = "https://spa.other.test";
/** A page of the cookie client `abroad`, which is not on the issuer's site: what nobody should configure. */
export const ABROAD = "https://app.other.test";
/** Someone else's pages: on the issuer's site, and on another. */
export const SIBLING = "https://evil.example.test";
export const STRANGER = "https://evil.other.test";

export const PASSWORD = "the password of a browser";

const OWN = { type: "public", grants: ["login", "refresh_token"], resources: [API], scopes: ["read", "write"], sessions: true } as const;
const COOKIE = { ...OWN, refreshTokenDelivery: "cookie" } as const;

/** What a world's issuer is configured with, unless its test says otherwise. */
export function browserSettings() {
  return {
    issuer: ISSUER,
    trustedProxies: ["127.0.0.1"],
    clients: [
      ...baseSettings().clients.filter(({ id }) => id === "backend"),
      { ...COOKIE, id: "web", allowedOrigins: [WEB] },
      { ...COOKIE, id: "admin", allowedOrigins: [ADMIN] },
      { ...COOKIE, id: "abroad", allowedOrigins: [ABROAD] },
      { ...OWN, id: "spa", allowedOrigins: [SPA] },
    ],
  } satisfies Partial<ConfigDocument>;
}

export interface World {
  readonly home: Home;
  readonly issuer: RunningIssuer;
  readonly front: Front;
  readonly browser: Browser;
}

/** Its life is that of `t`. */
export async function openWorld(t: Test, { store, settings }: HomeOptions = {}): Promise<World> {
  const home = await Home.make(t, { ...(store === undefined ? {} : { store }), settings: { ...browserSettings(), ...settings } });
  const issuer = await home.start();
  const front = await startFront(t, issuer.url);
  return { home, issuer, front, browser: await openBrowser(t, front.hostPort) };
}

/** One world for the cases of a file, made when the first asks for it. */
export function sharedWorld(t: Test): () => Promise<World> {
  let world: Promise<World> | undefined;
  return () => (world ??= openWorld(t));
}

/** A browser without any past, and what a test asks of it. */
export interface Visit {
  readonly context: BrowserContext;
  /** A tab that shows a page of this origin. */
  tab(origin: string): Promise<Page>;
  /** The issuer's own cookies, by name; not those that others have set for it. */
  cookies(): Promise<Readonly<Record<string, Cookie>>>;
}

export async function visit(t: Test, { browser }: Pick<World, "browser">): Promise<Visit> {
  return visitIn(await openContext(t, browser));
}

export function visitIn(context: BrowserContext): Visit {
  return {
    context,
    async tab(origin) {
      const page = await context.newPage();
      await page.goto(`${origin}/`);
      return page;
    },
    async cookies() {
      const cookies = await context.cookies(ISSUER);
      return Object.fromEntries(cookies.filter(({ domain }) => domain === ISSUER_HOST).map((cookie) => [cookie.name, cookie]));
    },
  };
}

/** Of the refresh token in a cookie: each rotation adds one. */
export function generationOf(cookie: Pick<Cookie, "value"> | undefined): number {
  const token = parseRefreshToken(cookie?.value ?? "");
  if (token === undefined) throw new Error("the cookie holds no refresh token");
  return token.generation;
}

/** All that has been granted, refused by a flow or ended, as the metrics count it: what nobody may change unasked. */
export async function countsOf({ opsUrl }: RunningIssuer): Promise<readonly string[]> {
  const { body } = await call(`${opsUrl}/metrics`);
  return body.split("\n").filter((line) => /^mintmark_(?:refreshes|logins|session_ends)_total\{/.test(line));
}
