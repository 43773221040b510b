/** What a route promises, as data beside its handler: the schemas are written once, for readers and for the API description. */

import type { TObject, TSchema } from "typebox";
import type { RefusalCode } from "../domain/refusal.ts";

/** The words of the error answers. */
export type ErrorWord = RefusalCode | "not_found" | "server_error";

/** An error a route can give: a word, or a word with a more exact status than its usual one. */
export type ContractError = ErrorWord | { readonly status: number; readonly error: ErrorWord };

export interface Contract {
  /** The name of the operation in the description; no other route has it. */
  readonly operation: string;
  readonly summary: string;
  /** How a request says who it is; `session`: by a bearer access token, or by a client and its refresh cookie. */
  readonly authentication: "none" | "client" | "bearer" | "session";
  /** Headers of a request that mean something here, besides Authorization and those about the body. */
  readonly headers?: TObject;
  readonly form?: TObject;
  readonly json?: TObject;
  readonly query?: TObject;
  readonly params?: TObject;
  /** Answers that are no errors, by status; null: without a body. */
  readonly responses: Readonly<Record<number, TSchema | null>>;
  /** Of their bodies; application/json if absent. */
  readonly mediaType?: string;
  /** Their headers, besides those of every answer. */
  readonly responseHeaders?: TObject;
  /** Errors besides those that its body, its parameters and its authentication bring: see `openapi/errors.ts`. */
  readonly errors?: readonly ContractError[];
}

declare module "fastify" {
  interface FastifyContextConfig {
    readonly contract?: Contract;
  }
}
