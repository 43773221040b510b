/** Several custodians as one. */

import t from "tap";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import type { Custodian } from "../../src/signers/custodian.ts";
import { joinCustodians } from "../../src/signers/custodians.ts";

const NOW = Date.UTC(2026, 10, 28);

function custodianOf(members: Partial<Custodian>): Custodian {
  const nothing = async (): Promise<never> => {
    throw new KeyError("nothing is here");
  };
  return { create: nothing, openSigner: nothing, erase: async () => false, ...members };
}

const joined = (byScheme: Readonly<Record<string, Custodian>>) =>
  joinCustodians({ byScheme: new Map(Object.entries(byScheme)), signing: "file", mac: "file" });

t.test("those that can be looked at are, each whatever becomes of the others", async (t) => {
  const fault = new CustodianError("awskms: no region is given", { isSetup: true });
  const custodian = joined({
    file: custodianOf({}),
    awskms: custodianOf({ check: () => Promise.reject(fault) }),
    vault: custodianOf({ check: async () => undefined }),
  });
  t.same(await custodian.check(), [
    { scheme: "awskms", fault },
    { scheme: "vault", fault: undefined },
  ]);
  t.same(await joined({ file: custodianOf({}) }).check(), [], "keys that are near need none");
  const broken = joined({ vault: custodianOf({ check: () => Promise.reject(new RangeError("a fault of ours")) }) });
  await t.rejects(broken.check(), RangeError);
});

t.test("a custodian that the configuration doesn't name is for whoever writes it to add", async (t) => {
  const custodian = joined({ file: custodianOf({}) });
  const source = { from: "custodian", uri: "awskms:key-id=1", algorithm: "ES256" } as const;
  await t.rejects(custodian.take(source, NOW, EMPTY_RING), { name: "KeyError", isSetup: true, message: /awskms:.*keys\.otherStores/ });
});
