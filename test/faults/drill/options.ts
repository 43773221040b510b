/** What a drill is like unless its row says otherwise. */

import type { StoreKind, StoreSetup } from "../../../scripts/figures/support/deployment.ts";
import type { ConfigDocument } from "../../../src/config.ts";
import type { Host } from "../../support/host.ts";
import { partySettings } from "../clients/parties.ts";
import type { Parties } from "../clients/parties.ts";
import type { Rules } from "../history/lines.ts";

/** How many model clients of each kind. */
export interface Crowd {
  readonly owners: number;
  /** Owners who lose every fifth answer. */
  readonly lossy: number;
  /** One browser each: its number of tabs. */
  readonly browsers: readonly number[];
  readonly robbed: number;
  readonly revokers: number;
  readonly passwordUsers: number;
  /** Between two requests of one client, on average. */
  readonly thinkMillis: number;
}

export const CROWD: Crowd = { owners: 10, lossy: 6, browsers: [8], robbed: 2, revokers: 6, passwordUsers: 1, thinkMillis: 120 };

export interface DrillOptions {
  /** Of several drills in one row: which. */
  readonly part?: string;
  readonly store: StoreKind | StoreSetup;
  /** Processes. */
  readonly issuers?: number;
  readonly crowd?: Partial<Crowd>;
  readonly rules?: Partial<Rules>;
  readonly settings?: Partial<ConfigDocument>;
  /** How often each issuer's JWK Set is read; often enough for keys that stay for hours if absent. */
  readonly jwksEveryMillis?: number;
  /** Environment of an issuer, over its configuration: a store's URL that leads through a proxy, another clock. */
  envOf?(node: number): Readonly<Record<string, string>>;
  /** Where an issuer runs; on the loopback if absent. */
  hostOf?(node: number): Host;
  /** Where the store is: files and texts that must hold no secret. */
  written?(): Promise<readonly (readonly [name: string, found: Buffer])[]>;
}

/** Short windows, so that being late takes little time; long enough that nobody is late on a machine that is busy. */
const RULES: Rules = {
  retryWindowMillis: 5_000,
  keyedRetryWindowMillis: 3_600_000,
  clockSkewMillis: 1_000,
  idleLifetimeMillis: 86_400_000,
  absoluteLifetimeMillis: 86_400_000,
  commandTimeoutMillis: 1_000,
  // Longer than a drill: whatever signs was there at its start.
  stageForMillis: 86_400_000,
  clockErrorMillis: 0,
  isTimed: true,
};

/** A machine that is too busy to be timed takes longer for a command as well. */
const PATIENT = { commandTimeoutMillis: 4_000 };

export function rulesOf(rules: Partial<Rules> = {}): Rules {
  return { ...RULES, ...(rules.isTimed === false ? PATIENT : {}), ...rules };
}

export function settingsOf(rules: Rules, parties: Parties, more: Partial<ConfigDocument> = {}): Partial<ConfigDocument> {
  return {
    ...partySettings(parties),
    clockSkew: millis(rules.clockSkewMillis),
    redis: { commandTimeout: millis(rules.commandTimeoutMillis) },
    refreshToken: {
      retryWindow: millis(rules.retryWindowMillis),
      keyedRetryWindow: millis(rules.keyedRetryWindowMillis),
      idleLifetime: millis(rules.idleLifetimeMillis),
      absoluteLifetime: millis(rules.absoluteLifetimeMillis),
      maxSessionsPerSubjectAndClient: 1_000,
    },
    ...more,
  };
}

function millis(count: number): string {
  return `${count}ms`;
}
