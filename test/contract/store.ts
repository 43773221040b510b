/**
 * The contract every store fulfils, as one exported function: an adapter's own test is a harness and one call.
 * Nothing here depends on when a store forgets expired values; it only must not forget the others.
 */

import type { MakeHarness } from "./harness.ts";
import { documentContract } from "./store-documents.ts";
import { faultContract } from "./store-faults.ts";
import { historyContract } from "./store-histories.ts";
import { logContract } from "./store-log.ts";
import { scanContract } from "./store-scan.ts";

export type { MakeHarness, StoreHarness } from "./harness.ts";

/** Registers the suite's tests under `name`; each test asks `makeHarness` for data of its own. */
export function storeContract(name: string, makeHarness: MakeHarness): void {
  documentContract(name, makeHarness);
  scanContract(name, makeHarness);
  historyContract(name, makeHarness);
  logContract(name, makeHarness);
  faultContract(name, makeHarness);
}
