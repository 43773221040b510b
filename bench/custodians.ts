/** How long one signature takes by custodian: in the issuer's process, and in a token by PKCS#11 (SoftHSM 2). */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import type { Signer } from "../src/domain/ports.ts";
import { EMPTY_RING } from "../src/domain/ring.ts";
import { systemClock, systemRandom } from "../src/platform/index.ts";
import type { Custodian } from "../src/signers/custodian.ts";
import { openLocalCustodian } from "../src/signers/local.ts";
import { openPkcs11Custodian } from "../src/signers/pkcs11.ts";
import { PIN, skipWithoutSoftHsm, SoftHsm } from "../test/support/softhsm.ts";
import { shuffled, spreadOf } from "./statistics.ts";

const ALGORITHMS = ["ES256", "EdDSA"] as const;
const LANES = [1, 16] as const;
const WARM_UP = 500;
const SIGNATURES_PER_TURN = 1_000;
/** Of header and claims in base64url. */
const SIGNING_INPUT = "a".repeat(500);
const TOKEN = "bench";

interface Latency {
  /** Microseconds. */
  readonly median: number;
  readonly p99: number;
}

/** By custodian, algorithm and signatures under way at once: `local ES256 1`. */
export type CustodiansBench = Readonly<Record<string, Latency>>;

interface Case {
  readonly name: string;
  readonly signer: Signer;
  readonly lanes: number;
  readonly micros: number[];
}

export async function benchCustodians({ rounds }: { readonly rounds: number }): Promise<CustodiansBench> {
  if (skipWithoutSoftHsm !== false) throw new Error(skipWithoutSoftHsm);
  const directory = mkdtempSync(join(tmpdir(), "mintmark-bench-keys-"));
  const hsm = new SoftHsm();
  const custodians = { local: openLocal(directory), pkcs11: openToken(hsm) };
  try {
    const cases: Case[] = [];
    for (const [place, custodian] of Object.entries(custodians)) {
      for (const algorithm of ALGORITHMS) {
        const signer = await newSigner(custodian, algorithm);
        for (const lanes of LANES) cases.push({ name: `${place} ${algorithm} ${lanes}`, signer, lanes, micros: [] });
      }
    }
    for (const each of cases) await sign(each, WARM_UP);
    for (let round = 0; round < rounds; round += 1)
      for (const each of shuffled(cases)) each.micros.push(...(await sign(each, SIGNATURES_PER_TURN)));
    return Object.fromEntries(cases.map(({ name, micros }) => [name, latencyOf(micros)]));
  } finally {
    for (const custodian of Object.values(custodians)) await custodian.close?.();
    hsm.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

function openLocal(directory: string): Custodian {
  return openLocalCustodian({
    directory,
    encryptionKeys: undefined,
    random: systemRandom,
    strictPermissions: true,
    onWarning: () => undefined,
  });
}

function openToken(hsm: SoftHsm): Custodian {
  hsm.addToken(TOKEN);
  Object.assign(process.env, hsm.environment);
  return openPkcs11Custodian({
    modulePath: hsm.modulePath,
    token: TOKEN,
    serial: undefined,
    slotId: undefined,
    pinFile: undefined,
    pin: PIN,
    limits: { timeoutMillis: 10_000, maxInFlight: 64, clock: systemClock },
    random: systemRandom,
  });
}

async function newSigner(custodian: Custodian, algorithm: (typeof ALGORITHMS)[number]): Promise<Signer> {
  const { sealed: _, ...made } = await custodian.create(algorithm, systemClock(), EMPTY_RING);
  return custodian.openSigner({ ...made, publishedAt: 0, longestLifetimeMillis: 0 }, EMPTY_RING);
}

/** The microseconds of each. */
async function sign({ signer, lanes }: Case, count: number): Promise<readonly number[]> {
  const micros: number[] = [];
  await inLanes(lanes, count, async () => {
    const start = performance.now();
    await signer.sign(SIGNING_INPUT);
    micros.push((performance.now() - start) * 1_000);
  });
  return micros;
}

function latencyOf(micros: readonly number[]): Latency {
  const sorted = micros.toSorted((a, b) => a - b);
  return { median: spreadOf(micros).median, p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

export function custodiansText(bench: CustodiansBench): string {
  return [
    "custodians: µs from the call to the signature, by custodian, algorithm and signatures under way at once",
    ...Object.entries(bench).map(
      ([name, { median, p99 }]) => `${name.padEnd(16)} median ${median.toFixed(0).padStart(6)}   p99 ${p99.toFixed(0).padStart(6)}`,
    ),
  ].join("\n");
}
