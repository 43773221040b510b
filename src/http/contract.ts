/** What a route promises, as data beside its handler: the schemas are written once, for readers and for the API description. */

import type { TObject, TSchema } from "typebox";

export interface Contract {
  readonly summary: string;
  /** How a request says who it is. */
  readonly authentication: "none" | "client" | "bearer";
  readonly form?: TObject;
  readonly json?: TObject;
  readonly query?: TObject;
  readonly params?: TObject;
  /** Answers that are no errors, by status; null: without a body. */
  readonly responses: Readonly<Record<number, TSchema | null>>;
}

declare module "fastify" {
  interface FastifyContextConfig {
    readonly contract?: Contract;
  }
}
