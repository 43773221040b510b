/** What one custodian does, behind the one that finds it by the scheme of a key's URI. */

import type { Bytes, FoundKey, KeyCustodian, NewKey, SealedPart, Signer } from "../domain/ports.ts";
import type { JwsAlgorithm, KeyAlgorithm, Ring, RingKey } from "../domain/ring.ts";
import type { PrivateKey } from "./material/private-key.ts";

/** Each member as in `KeyCustodian`; what is absent can't be done there. */
export interface Custodian {
  /** MUST refuse, by `KeyError`, an algorithm that it can't make. */
  create(algorithm: KeyAlgorithm, now: number, ring: Ring): Promise<NewKey>;
  openSigner(key: RingKey, ring: Ring): Promise<Signer>;
  openMac?(key: RingKey, ring: Ring): Promise<(data: Bytes) => Bytes>;
  /** A key that is there already, by its URI. Reads its public part. Throws `KeyError`. */
  adopt?(uri: string, algorithm: JwsAlgorithm): Promise<NewKey>;
  /** Where private parts are texts, which can be put elsewhere. */
  readonly material?: Material;
  find?(): Promise<readonly FoundKey[]>;
  erase: KeyCustodian["erase"];
  /**
   * Of a custodian outside: asks it for what makes and changes nothing and needs no right but those for keys. MUST ask even where the
   * circuit is open for others. Throws `KeyError`.
   */
  check?(): Promise<void>;
  close?(): Promise<void>;
}

export interface Material {
  /** The private part, to be kept elsewhere. Throws `KeyError`. */
  reveal(key: RingKey, ring: Ring): Promise<PrivateKey>;
  /** Keeps a private part that was made elsewhere; as durable as `create`. Throws `KeyError`. */
  keep(key: PrivateKey, now: number, ring: Ring): Promise<NewKey>;
  /** As in `KeyCustodian`. */
  rewrap(key: RingKey, ring: Ring): Promise<SealedPart | "in place" | undefined>;
}
