/** Keys in a hardware security module, by PKCS#11. */

import { KeyError } from "../domain/ports.ts";
import type { Random } from "../domain/ports.ts";
import type { Custodian } from "./custodian.ts";
import type { GateLimits } from "./gate.ts";

export interface Pkcs11Options {
  readonly modulePath: string;
  readonly token: string | undefined;
  readonly serial: string | undefined;
  readonly slotId: number | undefined;
  readonly pinFile: string | undefined;
  readonly pin: string | undefined;
  readonly limits: GateLimits;
  readonly random: Random;
}

export function openPkcs11Custodian(_options: Pkcs11Options): Custodian {
  throw new KeyError("pkcs11: is not built yet.");
}
