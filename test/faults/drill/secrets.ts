/** I11: no secret stands in what the processes wrote, nor in what the store holds. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Canaries } from "../../support/canary.ts";
import { PASSWORD, SECRET } from "../clients/parties.ts";
import type { Parties } from "../clients/parties.ts";

/** Session ids are random text too: what is looked for is longer than chance makes it. */
const TOKEN_SHAPE = /mmr_[\w-]{16}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}/;

export type Place = readonly [name: string, found: Buffer];

/** What the issuers of a drill wrote. */
export function logsIn(folder: string, part: string): readonly Place[] {
  const names = readdirSync(folder).filter((name) => name.startsWith(`${part}-`) && name.endsWith(".log"));
  return names.map((name) => [name, readFileSync(join(folder, name))]);
}

/** A text for each secret that was found, without the secret. */
export function secretsIn(places: readonly Place[], { login }: Parties): readonly string[] {
  const canaries = new Canaries();
  canaries.text("client secret", SECRET);
  canaries.text("password", PASSWORD);
  canaries.key("private key of a trusted issuer", String(login.privateKey.export({ format: "jwk" }).d));
  return places.flatMap(([name, found]) => [
    ...canaries.hitsIn(found).map((what) => `${what} in ${name}`),
    ...(TOKEN_SHAPE.test(found.toString("latin1")) ? [`a token in ${name}`] : []),
  ]);
}
