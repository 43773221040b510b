/** What the first process and its workers say to each other. Both run the same program, so nothing here is checked. */

import type { Config } from "../../config.ts";
import type { Readiness } from "../../issuer/types.ts";
import type { ExitCode } from "../exit-code.ts";
import type { Address } from "../server.ts";

/** What the first process asks, and what a worker answers; undefined: it can't say. */
export interface Answers {
  readonly readiness: Readiness;
  /** Its metrics, as `Metrics` of the platform gives and sums them. */
  readonly metrics: object;
}

export type Question = keyof Answers;

export type ToWorker =
  /** Answers `hello`. The configuration is the one that the first process read, whatever the file says by now. */
  | { readonly kind: "start"; readonly config: Config }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  | { readonly kind: "stop" };

export type FromWorker =
  /** It listens to what it is told, and no longer dies of signals that are for the first process. */
  | { readonly kind: "hello" }
  | { readonly kind: "listening"; readonly http: Address; readonly hasAccounts: boolean }
  /** It could not start, and ends. */
  | { readonly kind: "failed"; readonly line: string; readonly code: ExitCode }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answers[Question] | undefined }
  /** The last message of a worker that was asked to stop. */
  | { readonly kind: "bye"; readonly metrics: object };
