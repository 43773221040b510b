/** What routes stand on. */

import type { FastifyRequest } from "fastify";
import type { Issuer } from "../issuer/types.ts";
import type { Pages } from "./pages.ts";

export interface Edge {
  readonly issuer: Issuer;
  readonly pages: Pages;
  /** The address of whoever sent the request. */
  readonly addressOf: (request: FastifyRequest) => string;
}
