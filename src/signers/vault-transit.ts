/** Keys in the transit engine of HashiCorp Vault or OpenBao. */

import { KeyError } from "../domain/ports.ts";
import type { Random } from "../domain/ports.ts";
import type { Custodian } from "./custodian.ts";
import type { GateLimits } from "./gate.ts";

export interface VaultOptions {
  readonly address: string;
  readonly mount: string;
  readonly namespace: string | undefined;
  readonly tokenFile: string | undefined;
  readonly token: string | undefined;
  readonly limits: GateLimits;
  readonly random: Random;
}

export function openVaultCustodian(_options: VaultOptions): Custodian {
  throw new KeyError("vault: is not built yet.");
}
