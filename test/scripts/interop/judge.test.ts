/** A verifier that does otherwise than expected is named; one that does as expected is not. */

import t from "tap";
import { deviations } from "../../../scripts/interop/judge.ts";
import type { Facts } from "../../../scripts/interop/trial.ts";
import type { Verdict } from "../../../scripts/interop/types.ts";
import type { Verifier } from "../../../scripts/interop/verifiers.ts";

const OK: Verdict = { ok: true };
const NO: Verdict = { ok: false, why: "because" };
const VERIFIER: Verifier = { name: "stranger", surrounding: "npm", verifies: ["ES256", "EdDSA"] };
const AS_EXPECTED: Facts = {
  version: "1.0.0",
  good: { ES256: OK, EdDSA: OK, Ed25519: NO },
  altered: { tampered: [NO, NO], audience: [NO, NO], expired: [NO, NO], "unknown kid": [NO, NO] },
  rotation: { keys: 3, presented: 40, refusals: [] },
  revoked: { seconds: 100, over: false },
};

t.test("nothing where all is as expected", async (t) => {
  t.strictSame(deviations(VERIFIER, AS_EXPECTED), []);
});

t.test("a good token refused, and one verified that was not expected to be", async (t) => {
  const good = { ES256: NO, EdDSA: OK, Ed25519: OK };
  t.strictSame(deviations(VERIFIER, { ...AS_EXPECTED, good }), [
    "refuses a good token of ES256: because",
    "verifies Ed25519, which was not expected",
  ]);
});

t.test("one altered token accepted is enough, and so is a question that was never put", async (t) => {
  const altered = { ...AS_EXPECTED.altered, tampered: [NO, OK, NO], expired: [] };
  t.strictSame(deviations(VERIFIER, { ...AS_EXPECTED, altered }), [
    "accepts a token that it must refuse: tampered",
    "was not asked: expired",
  ]);
});

t.test("one good token refused while keys rotate, and keys that did not", async (t) => {
  t.strictSame(deviations(VERIFIER, { ...AS_EXPECTED, rotation: { keys: 6, presented: 40, refusals: ["ES256: unknown kid"] } }), [
    "refused 1 of 40 good tokens over a rotation: ES256: unknown kid",
  ]);
  t.strictSame(deviations(VERIFIER, { ...AS_EXPECTED, rotation: { keys: 2, presented: 40, refusals: [] } }), [
    "saw 2 keys of an algorithm, which is not 2 rotations",
  ]);
});
