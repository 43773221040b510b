/** What the main thread and the writer thread say to each other. At most one batch is under way at a time. */

import type { StoreError } from "../../domain/ports.ts";

/** Lengths are of the operation's share of the batch's bytes, in this order; undefined: absent. */
export interface SwapOperation {
  readonly kind: "swap";
  readonly key: string;
  readonly expectedLength: number | undefined;
  readonly nextLength: number | undefined;
  readonly expiresAt: number;
}

export interface AppendOperation {
  readonly kind: "append";
  readonly log: string;
  readonly entryLength: number;
  readonly expiresAt: number;
}

export type Operation = SwapOperation | AppendOperation;

/** One transaction. The values of all operations lie in `bytes` one after another, which is moved, not copied. */
export interface Batch {
  readonly kind: "batch";
  /** The system clock when it was sent. */
  readonly now: number;
  readonly operations: readonly Operation[];
  readonly bytes: Uint8Array;
}

export type Request = Batch | { readonly kind: "close" };

/** Swapped or not; the log entry's id; null: this operation alone failed and changed nothing. */
export type Result = boolean | number | null;

export interface Committed {
  readonly kind: "committed";
  readonly results: readonly Result[];
}

export interface Failed {
  readonly kind: "failed";
  readonly outcome: StoreError["outcome"];
  readonly message: string;
}

export type Reply = { readonly kind: "opened" } | { readonly kind: "refused"; readonly message: string } | Committed | Failed;

/** What the writer thread is started with. */
export interface WriterData {
  readonly file: string;
  readonly busyTimeoutMillis: number;
  /** The system clock. */
  readonly now: number;
}
