/** The configuration: file and environment → one frozen `Config`, or every fault at once. */

import { resolve } from "node:path";
import { configDocument, defaultDocument } from "./config/document.ts";
import type { SeenSettings, Settings } from "./config/document.ts";
import { namesEncryptionKey, readEncryptionKey } from "./config/encryptionKey.ts";
import { checkEnvironment, replacedMembers, withEnvironment } from "./config/environment.ts";
import type { Environment } from "./config/environment.ts";
import { readConfigFile } from "./config/file.ts";
import { deepFreeze } from "./config/freeze.ts";
import { keysOf } from "./config/keysOf.ts";
import type { KeysConfig } from "./config/keysOf.ts";
import { placeOf } from "./config/place.ts";
import type { ConfigFault } from "./config/place.ts";
import { policyOf } from "./config/policy.ts";
import { checkRelations, issuerOf } from "./config/relations.ts";
import type { Policy } from "./domain/policy.ts";

export { CUSTODIAN_SCHEMES } from "./config/keysTarget.ts";
export type { CustodianConfig, KeysConfig } from "./config/keysOf.ts";
export type { ConfigDocument } from "./config/document.ts";
export type { ConfigFault } from "./config/place.ts";
export { parseDuration } from "./domain/duration.ts";

export interface Listen {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export type StoreConfig =
  | { readonly kind: "embedded" /** Absolute. */; readonly directory: string }
  | {
      readonly kind: "redis";
      /** May hold a password: never to be shown. */
      readonly url: string;
      readonly keyPrefix: string;
      readonly commandTimeoutMillis: number;
      readonly waitReplicas: number;
      readonly sentinelAccess: { readonly username?: string | undefined; readonly password?: string | undefined };
    };

export interface Config {
  readonly listen: Listen;
  /** Metrics and health; undefined: no such listener. */
  readonly ops: Listen | undefined;
  /** How many processes serve; "auto": one per core. */
  readonly workers: number | "auto";
  readonly store: StoreConfig;
  readonly keys: KeysConfig;
  /** Addresses and networks whose X-Forwarded-For counts. */
  readonly trustedProxies: readonly string[];
  /** Not public, and allowed all the same as where a jwksUri's host is. */
  readonly allowedNetworks: readonly string[];
  readonly production: boolean;
  /** There is no file at all. */
  readonly isDefault: boolean;
  /** The path of the file that was read. */
  readonly source: string | undefined;
  readonly policy: Policy;
  /** What works and should be looked at, one line each. */
  readonly warnings: readonly string[];
}

export type ConfigResult = { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Reads the configuration file and the environment. Relative paths are relative to `workingDirectory`. */
export async function readConfig(environment: Environment, workingDirectory: string): Promise<ConfigResult> {
  const file = await readConfigFile(environment, workingDirectory);
  if (file.kind === "none") return parse(undefined, environment, workingDirectory, undefined);
  if (file.kind === "read") return parse(file.document, environment, workingDirectory, file.path);
  // What the environment gets wrong by itself is said as well.
  const rest = parse({}, environment, workingDirectory, undefined);
  return refused([file.fault, ...(rest.ok ? [] : rest.faults.filter(({ path }) => path.startsWith("MINTMARK_")))]);
}

/** The same for a document in memory; undefined stands for no file at all. */
export function parseConfig(document: unknown, environment: Environment, workingDirectory: string): ConfigResult {
  return parse(document, environment, workingDirectory, undefined);
}

function parse(document: unknown, environment: Environment, workingDirectory: string, source: string | undefined): ConfigResult {
  const production = environment["NODE_ENV"] === "production";
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const root = placeOf(faults, replacedMembers(environment));

  const written = document === undefined ? defaultDocument(production) : document;
  checkEnvironment(environment, root);
  const settings: SeenSettings = configDocument.read(withEnvironment(written, environment), root) ?? {};
  const sources = { environment, workingDirectory, production, warn };
  const encryptionKey = readEncryptionKey("current", settings, sources, root);
  const oldEncryptionKey = readEncryptionKey("old", settings, sources, root);
  const hasEncryptionKey = namesEncryptionKey(settings, environment);
  checkRelations(settings, { production, hasEncryptionKey, warn }, root);
  if (oldEncryptionKey !== undefined && !hasEncryptionKey)
    root.member("keys").member("encryptionKeyFile").fault("is missing: keys.oldEncryptionKeyFile names what it takes the place of");

  const issuer = issuerOf(settings);
  if (faults.length > 0 || issuer === undefined) return refused(faults);
  // No reader noted a fault, so nothing is left out.
  const whole = settings as Settings;
  const config: Config = {
    listen: whole.listen,
    ops: whole.ops === false || whole.ops.port === false ? undefined : { host: whole.ops.host, port: whole.ops.port },
    workers: whole.workers,
    store: storeOf(whole, workingDirectory),
    keys: keysOf(whole, { workingDirectory, environment, encryptionKey, oldEncryptionKey }),
    trustedProxies: whole.trustedProxies,
    allowedNetworks: whole.outgoing.allowedNetworks,
    production,
    isDefault: document === undefined,
    source,
    policy: policyOf(whole, issuer),
    warnings,
  };
  return deepFreeze({ ok: true, config });
}

function refused(faults: readonly ConfigFault[]): ConfigResult {
  return deepFreeze({ ok: false, faults });
}

function storeOf({ store, redis }: Settings, workingDirectory: string): StoreConfig {
  if (store.kind === "embedded") return { kind: "embedded", directory: resolve(workingDirectory, store.path) };
  return {
    kind: "redis",
    url: store.url,
    keyPrefix: redis.keyPrefix,
    commandTimeoutMillis: redis.commandTimeout,
    // Where there is a failover, there is something that it could lose.
    waitReplicas: redis.waitReplicas ?? (store.kind === "redis" ? 0 : 1),
    sentinelAccess: { username: redis.sentinelUsername, password: redis.sentinelPassword },
  };
}
