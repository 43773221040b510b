/** The examples' configuration on an issuer of the tests, and the examples' processes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Test } from "tap";
import { sha256Hex } from "../../src/compose.ts";
import type { ConfigDocument } from "../../src/config.ts";
import { type BrowserProfile, pageFetch } from "../support/page-fetch.ts";
import { freePort } from "../support/redis.ts";
import { launch, type ServerProcess } from "../support/server-process.ts";
import { SECRET } from "../support/issuer-process.ts";

export const examples = join(import.meta.dirname, "../../examples");

type Members = Readonly<Record<string, unknown>>;

export const exampleConfig = JSON.parse(readFileSync(join(examples, "mintmark.config.json"), "utf8")) as Members & {
  readonly clients: readonly Members[];
  readonly trustedIssuers: readonly Members[];
};

export interface Surroundings {
  /** Where the pages are. */
  readonly origin: string;
  /** The login of others. */
  readonly loginService: Members;
  /** Members of the client `meter`, or of any, by id. */
  readonly clients?: Readonly<Record<string, Members>>;
  readonly settings?: Partial<ConfigDocument>;
}

/** The examples' configuration with the tests' secret, and addresses of this machine. */
export function exampleSettings({ origin, loginService, clients = {}, settings = {} }: Surroundings): Partial<ConfigDocument> {
  const { $schema: _, issuer: _issuer, ...document } = exampleConfig;
  const own = ({ id, ...client }: Members): Members => ({
    id,
    ...client,
    ...("secretSha256" in client ? { secretSha256: sha256Hex(SECRET) } : {}),
    ...("allowedOrigins" in client ? { allowedOrigins: [origin] } : {}),
    ...clients[String(id)],
  });
  const [{ jwksUri: _jwksUri, ...trusted } = {}] = exampleConfig.trustedIssuers;
  const trustedIssuers = [{ ...trusted, ...loginService }];
  return { ...document, clients: exampleConfig.clients.map(own), trustedIssuers, ...settings } as Partial<ConfigDocument>;
}

/** A program of the examples on a free port, until the test is over. */
export async function startExample(
  t: Test,
  path: string,
  env: Readonly<Record<string, string>>,
  port?: number,
): Promise<ServerProcess & { readonly url: string }> {
  const environment = { PORT: String(port ?? (await freePort())), ...env };
  const process = launch({ cwd: examples, env: environment }, [join(examples, path)], globalThis.process.execPath);
  t.teardown(async () => {
    process.signal("SIGKILL");
    await process.ended;
  });
  return { ...process, url: (await process.listening).url };
}

export interface Signatory {
  readonly privateKey: CryptoKey;
  readonly kid: string;
  readonly jwks: { readonly keys: readonly object[] };
}

export async function newSignatory(): Promise<Signatory> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const kid = "of-the-test";
  return { privateKey, kid, jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" }] } };
}

/** An assertion as the sample login service signs it. */
export async function assertionBy({ privateKey, kid }: Signatory, issuer: string, sub: string, audience: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", typ: "authorization-grant+jwt", kid })
    .setIssuer(issuer)
    .setSubject(sub)
    .setAudience(audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime("1m")
    .sign(privateKey);
}

/** Lets the code of this process be a page on `origin`. */
export function enter(origin: string, profile: BrowserProfile): void {
  globalThis.fetch = pageFetch(origin, profile);
  Object.defineProperty(globalThis, "localStorage", { value: profile.storage, configurable: true });
}

const realNow = Date.now;

/** Lets the code of this process think that so much time has passed; the issuer's process doesn't. */
export function skip(seconds: number): void {
  const from = Date.now;
  Date.now = () => from() + seconds * 1_000;
}

export function stopSkipping(): void {
  Date.now = realNow;
}
