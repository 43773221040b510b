/** A failover as a fault of a drill. */

import type { Failover } from "../../support/failovers.ts";
import type { Drill } from "../drill/drill.ts";
import type { NewFault } from "../history/recorder.ts";
import type { WritesLost } from "../history/lines.ts";
import { RECOVER_MILLIS } from "../rows/invariants.ts";

/** Before the failover began: what replicas did not have yet. */
const LAG_MILLIS = 1_000;

/**
 * From its beginning until all servers are in sync again. `kept` is what no failover of this kind may lose; rotations are never
 * waited for, so those of a failover may be gone, and are healed.
 */
export async function failOver<T = Failover>(
  drill: Drill,
  { kept, ...fault }: Pick<NewFault, "kind" | "isCutting"> & { readonly kept: WritesLost["kept"] },
  run: () => Promise<T>,
): Promise<T> {
  const { recorder } = drill;
  const began = recorder.now();
  try {
    return await drill.during({ ...fault, isAway: true, recoverMillis: RECOVER_MILLIS }, run);
  } finally {
    const lost = { from: began - LAG_MILLIS, to: recorder.now(), goneFrom: began, kept };
    recorder.fact({ fact: "writes_lost", ...lost, note: `a failover: ${fault.kind}` });
  }
}
