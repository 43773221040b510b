import { FetchError } from "../domain/ports.ts";
import type { FetchDocument } from "../domain/ports.ts";

export interface FetchDocumentOptions {
  /** Addresses and networks (CIDR) that a host name may stand for although they are special-purpose. */
  readonly allowedNetworks: readonly string[];
  /** For everything: name, connection, TLS, head and body. */
  readonly timeoutMillis?: number;
  readonly limitBytes?: number;
}

export function createFetchDocument(_options: FetchDocumentOptions): FetchDocument {
  return () => Promise.reject(new FetchError("Not built yet."));
}
