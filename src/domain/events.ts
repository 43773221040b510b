/** What happened, for the audit log and the metrics: two listeners of one port. No event carries a credential. */

import type { StoreFinding } from "./ports.ts";
import type { KeyAlgorithm } from "./ring.ts";
import type { EndReason } from "./subject.ts";

export type PresentedOutcome =
  | "rotated"
  | "retried"
  | "kept"
  | "healed"
  | "replayed"
  | "expired"
  | "unknown"
  | "client_mismatch"
  | "malformed"
  | "unavailable";
export type LoginOutcome = "granted" | "invalid_credentials" | "slow_down" | "refused" | "unavailable";

export type IssuerEvent =
  | {
      readonly event: "login";
      readonly by: "password" | "assertion";
      readonly outcome: LoginOutcome;
      /** Of a refused assertion. */
      readonly reason?: string;
      readonly clientId: string;
      readonly sub?: string;
      readonly sid?: string;
      readonly address: string;
    }
  | {
      readonly event: "refresh";
      readonly outcome: PresentedOutcome;
      readonly clientId: string;
      readonly sub?: string;
      readonly sid?: string;
    }
  | { readonly event: "client_credentials"; readonly clientId: string }
  /** A client's assertion that none of its keys signed. */
  | { readonly event: "assertion_refused"; readonly clientId: string; readonly reason: string }
  /** A proven assertion that was taken before. `iss`: the client's id, or the trusted issuer. */
  | { readonly event: "assertion_replayed"; readonly iss: string }
  | {
      readonly event: "sessions_ended";
      readonly reason: EndReason;
      readonly sub?: string;
      readonly clientId?: string;
      readonly sids: readonly string[];
    }
  | { readonly event: "not_before"; readonly clientId?: string; readonly at: number }
  | {
      readonly event: "keys_changed";
      readonly steps: readonly string[];
      readonly version: number;
      readonly reason?: string;
      readonly forced?: boolean;
    }
  /** A server follows what another process did to the ring. */
  | { readonly event: "keys_followed"; readonly steps: readonly string[]; readonly version: number }
  | { readonly event: "ring_repaired"; readonly version: number }
  /** The store had lost ends of sessions or keys that this process knew; they are there again. */
  | { readonly event: "ends_restored"; readonly count: number }
  /** What `doctor` would say about the store, at a start. */
  | { readonly event: "store_warning"; readonly about: string; readonly message: string; readonly severity: StoreFinding["severity"] }
  | { readonly event: "store_emptied" }
  | { readonly event: "store_accepted" }
  | { readonly event: "clock_differs"; readonly millis: number }
  | { readonly event: "trouble"; readonly about: string; readonly message: string }
  | {
      readonly event: "keys";
      readonly counts: readonly { readonly algorithm: KeyAlgorithm; readonly state: string; readonly count: number }[];
    }
  | { readonly event: "account_changed"; readonly change: "added" | "password" | "disabled" | "enabled" | "removed"; readonly sub: string };

export type Listener = (event: IssuerEvent) => void;
