/** An operator without an issuer: answers what a test gives it and writes down what it was asked. */

import type { AccountListing, KeyListing, Operator, SessionListing } from "../../src/issuer/types.ts";
import type { KeyAlgorithm } from "../../src/domain/ring.ts";
import { parseConfig } from "../../src/config.ts";
import type { Config } from "../../src/config.ts";

export function defaultConfig(document?: unknown): Config {
  const result = parseConfig(document, {}, "/nowhere");
  if (!result.ok) throw new TypeError("the test's configuration has faults");
  return result.config;
}

export interface FakeOperator extends Operator {
  /** The calls, as `name` and arguments. */
  readonly calls: [name: string, ...args: unknown[]][];
}

export const NOW = Date.parse("2026-11-21T08:00:00Z");
export const HOUR = 3_600_000;

/** Keys of a ring that has lived for 12 days and 3 hours. */
export function sampleKeys(): KeyListing[] {
  const key = (kid: string, alg: KeyAlgorithm, state: KeyListing["state"], times: Partial<KeyListing>): KeyListing => ({
    kid,
    alg,
    state,
    custody: "file",
    publishedAt: NOW - 291 * HOUR,
    activeAt: undefined,
    retiringAt: undefined,
    retiredAt: undefined,
    revokedAt: undefined,
    ...times,
  });
  return [
    key("A".repeat(43), "ES256", "retiring", {
      activeAt: NOW - 291 * HOUR,
      retiringAt: NOW - 60_000,
      retiredAt: NOW + 3 * HOUR + 20 * 60_000,
    }),
    key("B".repeat(43), "ES256", "active", { publishedAt: NOW - 30 * HOUR, activeAt: NOW - 60_000 }),
    key("C".repeat(43), "ES256", "staged", { publishedAt: NOW - 4 * HOUR }),
    key("-".repeat(43), "EdDSA", "revoked", { revokedAt: NOW - 2 * HOUR }),
    key("D".repeat(43), "EdDSA", "active", { activeAt: NOW - 2 * HOUR }),
    key("E".repeat(43), "EdDSA", "staged", { publishedAt: NOW - 25 * HOUR, activeAt: NOW + HOUR }),
  ];
}

export function sampleSession(): SessionListing {
  return {
    sid: "s".repeat(22),
    clientId: "app",
    createdAt: NOW - HOUR,
    lastUsedAt: NOW - 60_000,
    expiresAt: NOW + HOUR,
    scope: "read write",
    userAgent: "Browser\u001b[31m/1",
  };
}

/** @param answers replaces single methods */
export function createFakeOperator(answers: Partial<Operator> = {}, config: Config = defaultConfig()): FakeOperator {
  const calls: FakeOperator["calls"] = [];
  const account: AccountListing = { name: "alice", sub: "S".repeat(22), disabled: false, createdAt: NOW - HOUR };
  const signing: readonly KeyAlgorithm[] = ["ES256", "EdDSA"];
  const plain: Operator = {
    policy: config.policy,
    listKeys: async (mac) => (mac ? [] : sampleKeys()),
    stageKeys: async () => ({ keys: sampleKeys(), steps: ["staged a key"] }),
    rotateKeys: async () => ({ keys: sampleKeys(), steps: [] }),
    promoteKey: async () => ({ keys: sampleKeys(), steps: ["promoted"] }),
    revokeKeys: async () => ({ keys: sampleKeys(), steps: ["revoked"] }),
    importKey: async () => ({ keys: sampleKeys(), steps: ["took a key in"] }),
    moveKeys: async () => ({ keys: sampleKeys(), steps: ["moved a key"] }),
    rewrapKeys: async () => ({ files: 1, inRing: 2 }),
    keyStatus: async () => ({ isCounted: true, isFull: false, keys: [] }),
    awaitSeen: async () => ({ done: true }),
    pruneKeys: async () => ({ erased: ["A".repeat(43)], coming: [] }),
    exportKeys: async () => '{"keys":[]}',
    ringAlgorithms: (which) => (which === "mac" ? ["HS256"] : which === "signing" ? signing : [which]),
    addAccount: async ({ name, sub }) => ({ ...account, name, sub: sub ?? account.sub }),
    changePassword: async () => ({ done: true }),
    disableAccount: async () => ({ done: true }),
    enableAccount: async () => ({ done: true }),
    removeAccount: async () => ({ done: true }),
    async *listAccounts() {
      yield { ...account, name: "bob", disabled: true };
      yield account;
    },
    listSessions: async () => [sampleSession()],
    endSessions: async () => 2,
    inspect: async () => [{ severity: "ok", subject: "durability", finding: "everything is on the disk" }],
    storeClock: async () => NOW,
    acceptEmptyStore: async () => ({ done: true }),
    close: async () => undefined,
  };
  const answering: Operator = { ...plain, ...answers };
  const watched = new Proxy(answering, {
    get(target, name: keyof Operator) {
      const member: unknown = target[name];
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        calls.push([name, ...args]);
        return Reflect.apply(member, target, args);
      };
    },
  });
  return new Proxy(watched, { get: (target, name) => (name === "calls" ? calls : Reflect.get(target, name)) }) as FakeOperator;
}
