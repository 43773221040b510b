/** What makes an altered token bad is the one thing that was altered, so that a refusal says something. */

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import t from "tap";
import * as alterations from "../../../scripts/interop/alterations.ts";
import { ALGORITHMS } from "../../../scripts/interop/types.ts";
import type { Algorithm } from "../../../scripts/interop/types.ts";
import { partOf } from "../../support/client-calls.ts";

async function issued(alg: Algorithm): Promise<{ token: string; key: KeyObject }> {
  const pair = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const jwt = new SignJWT({ scope: "read" }).setProtectedHeader({ alg, kid: "of-the-issuer" });
  return { token: await jwt.sign(pair.privateKey), key: pair.publicKey };
}

for (const alg of ALGORITHMS) {
  t.test(`${alg}: no altered token is good under the issuer's key`, async (t) => {
    const { token, key } = await issued(alg);
    const forger = alterations.makeForgersKey(alg);
    t.match(await jwtVerify(token, key), { payload: { scope: "read" } });
    const altered = [
      alterations.withOtherSignature(token),
      alterations.withOtherClaims(token),
      alterations.signedByForger(token, forger),
      alterations.withUnknownKid(token, forger),
    ];
    for (const one of altered) await t.rejects(jwtVerify(one, key), errors.JWSSignatureVerificationFailed);
  });

  t.test(`${alg}: the forger's signatures are good under the forger's key`, async (t) => {
    const { token } = await issued(alg);
    const forger = alterations.makeForgersKey(alg);
    const known = await jwtVerify(alterations.signedByForger(token, forger), createPublicKey(forger.privateKey));
    t.match(known, { payload: { scope: "read" }, protectedHeader: { alg, kid: "of-the-issuer" } });
    const unknown = await jwtVerify(alterations.withUnknownKid(token, forger), createPublicKey(forger.privateKey));
    t.match(unknown, { payload: { scope: "read" }, protectedHeader: { alg, kid: forger.kid } });
  });

  t.test(`${alg}: other claims are other claims under the same header`, async (t) => {
    const { token } = await issued(alg);
    const altered = alterations.withOtherClaims(token);
    t.strictSame(partOf(altered, 0), partOf(token, 0));
    t.equal(partOf(altered, 1)["scope"], "read write admin");
  });
}
