/** Shared by the tests of the configuration. */

import { parseConfig } from "../../src/config.ts";
import type { Config, ConfigDocument, ConfigResult } from "../../src/config.ts";

export const FOLDER = "/srv/mintmark";
export const API = "https://api.example.com";
export const HASH = "ab".repeat(32);

type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration, where there must be one. */
export function accepted(result: ConfigResult): Config {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.faults)}`);
  return result.config;
}

export function configOf(document: ConfigDocument | undefined, environment: Environment = {}): Config {
  return accepted(parseConfig(document, environment, FOLDER));
}

/** The warnings of a document without faults. */
export function warningsOf(document: unknown, environment: Environment = {}): readonly string[] {
  return accepted(parseConfig(document, environment, FOLDER)).warnings;
}

/** `path: message` of every fault. */
export function faultsOf(document: unknown, environment: Environment = {}): string[] {
  return listed(parseConfig(document, environment, FOLDER));
}

export function listed(result: ConfigResult): string[] {
  return result.ok ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`);
}

/** Only the places, sorted. */
export function placesOf(document: unknown, environment: Environment = {}): string[] {
  const result = parseConfig(document, environment, FOLDER);
  return result.ok ? [] : result.faults.map(({ path }) => path).sort();
}

export const resource = { id: API, scopes: ["read", "write"] };
export const publicClient = { id: "app", type: "public", grants: ["login", "refresh_token"], resources: [API], scopes: ["read"] } as const;
export const service = {
  id: "service",
  type: "confidential",
  secretSha256: HASH,
  grants: ["client_credentials"],
  resources: [API],
  scopes: ["read"],
} as const;
