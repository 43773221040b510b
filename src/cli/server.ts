/** What `serve` needs to have built for it. */

import type { Config } from "../config.ts";

export interface Address {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** A server that is built and not yet listening. */
export interface Server {
  /** Makes what a first start makes, then listens. Rejects with the system's error, `StoreError` or `KeyError`. */
  listen(): Promise<{ readonly http: Address; readonly ops: Address | undefined }>;
  hasAccounts(): Promise<boolean>;
  /** Stops accepting, finishes what it began and closes the store. Also after a `listen` that failed. */
  close(): Promise<void>;
}

export type OpenServer = (config: Config) => Promise<Server>;
