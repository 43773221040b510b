/** Keys in a hardware security module, by PKCS#11. The private parts are made there and never leave it. */

import { spellKeyUri } from "../domain/key-uri.ts";
import { CustodianError, KeyError, SIGNATURE_BYTES } from "../domain/ports.ts";
import type { Random } from "../domain/ports.ts";
import type { Custodian } from "./custodian.ts";
import { Gate } from "./gate.ts";
import type { GateLimits } from "./gate.ts";
import { Connection } from "./pkcs11/connection.ts";
import type { CallLimits } from "./pkcs11/connection.ts";
import type { RingedKey } from "./pkcs11/protocol.ts";

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

/** To make, take in or erase a key: done seldom, and slow on small devices. */
const MANAGING_MILLIS_MIN = 10_000;
const LABEL_BYTES = 8;

/** Loads nothing and starts nothing before the first call. */
export function openPkcs11Custodian(options: Pkcs11Options): Custodian {
  const { limits, random } = options;
  const name = nameOf(options);
  const connection = new Connection(name, options);
  const signing = gated(name, limits);
  const checking = gated(name, limits);
  const managing = gated(name, { ...limits, timeoutMillis: Math.max(limits.timeoutMillis, MANAGING_MILLIS_MIN) });

  return {
    async create(algorithm) {
      if (algorithm === "HS256") throw new KeyError("pkcs11: makes no MAC keys; see keys.macStore.");
      const temporaryLabel = `mintmark-new-${Buffer.from(random(LABEL_BYTES)).toString("hex")}`;
      return { algorithm, ...(await managing((limited) => connection.call("create", { algorithm, temporaryLabel }, limited))) };
    },

    async openSigner({ kid, custody, algorithm, publicJwk }) {
      if (algorithm === "HS256" || publicJwk === undefined) throw new KeyError(`Key ${kid} is not a signing key.`);
      const key: RingedKey = { custody, algorithm, publicJwk };
      await connection.firstOpening();
      await signing((limited) => connection.call("bind", key, limited));
      return {
        kid,
        algorithm,
        async sign(signingInput) {
          const text = await signing((limited) => connection.call("sign", { key, signingInput }, limited));
          const signature = Buffer.from(text, "base64url");
          if (signature.length === SIGNATURE_BYTES) return signature;
          throw new CustodianError(`${name}: what it gave for key ${kid} is no ${algorithm} signature.`);
        },
      };
    },

    adopt: async (uri, algorithm) => ({
      algorithm,
      ...(await managing((limited) => connection.call("adopt", { uri, algorithm }, limited))),
    }),
    async check() {
      await connection.firstOpening();
      await checking((limited) => connection.call("check", undefined, limited));
    },
    erase: ({ custody }) => managing((limited) => connection.call("erase", { uri: custody }, limited)),
    close: () => connection.close(),
  };
}

function gated(name: string, limits: GateLimits): <T>(call: (limited: CallLimits) => Promise<T>) => Promise<T> {
  const gate = new Gate(name, limits);
  return (call) => gate.run((signal) => call({ signal, patienceMillis: limits.timeoutMillis }));
}

/** As in the configuration. */
function nameOf({ token, serial, slotId }: Pkcs11Options): string {
  if (token !== undefined) return spellKeyUri("pkcs11", { token });
  return spellKeyUri("pkcs11", serial === undefined ? { "slot-id": String(slotId) } : { serial });
}
