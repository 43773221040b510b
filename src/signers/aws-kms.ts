/** Keys in AWS KMS. */

import { KeyError } from "../domain/ports.ts";
import type { Custodian } from "./custodian.ts";
import type { GateLimits } from "./gate.ts";

export interface AwsKmsOptions {
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly limits: GateLimits;
}

export function openAwsKmsCustodian(_options: AwsKmsOptions): Custodian {
  throw new KeyError("awskms: is not built yet.");
}
