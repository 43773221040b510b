/** What `serve` needs to have built for it. */

import type { Config } from "../config.ts";
import type { Readiness } from "../issuer/types.ts";

export interface Address {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** A server that is built and not yet listening. */
export interface Server {
  /** Makes what a first start makes, then listens. Rejects with the system's error, `StoreError`, `KeyError` or `StartFailure`. */
  listen(): Promise<{ readonly http: Address; readonly ops: Address | undefined }>;
  hasAccounts(): Promise<boolean>;
  /** Stops accepting, finishes what it began and closes the store. Also after a `listen` that failed. */
  close(): Promise<void>;
}

export type OpenServer = (config: Config) => Promise<Server>;

/** The issuer in one process. What its ops listener would show can be asked for, where there is none. */
export interface IssuerServer extends Server {
  readiness(): Promise<Readiness>;
  /** As the platform's metrics give and sum them. */
  metrics(): Promise<object>;
}
