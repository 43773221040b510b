/**
 * Issuers that start at once on an empty store, with their private keys in it: how many keys that makes.
 * `node scripts/figures/fleet-starts.ts [--rounds 30] [--nodes 8]`
 *
 * Each node has a folder of its own, so that all they share is the Redis and the key-encryption key. A round is good where every
 * algorithm has one active and one staged key, and every node publishes the same JWK Set and can sign.
 */

import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { KeyListing } from "../../src/issuer/types.ts";
import { freePort } from "../../test/support/redis.ts";
import { withDeployment } from "./support/deployment.ts";
import type { Deployment, IssuerProcess } from "./support/deployment.ts";
import { readOptions, report } from "./support/options.ts";

export interface FleetStartsOptions {
  readonly rounds: number;
  readonly nodes: number;
}

export interface FleetStartsCounts {
  readonly rounds: number;
  readonly starts: number;
  /** Rounds whose ring is not one active and one staged key of each algorithm. */
  readonly otherRings: number;
  /** Nodes that published another JWK Set than the first, or could not sign. */
  readonly otherNodes: number;
  /** Lines of level error in the logs, and starts that failed. */
  readonly errors: number;
}

const WANTED = "EdDSA active, EdDSA staged, ES256 active, ES256 staged, HS256 active, HS256 staged";

export async function fleetStarts({ rounds, nodes }: FleetStartsOptions): Promise<FleetStartsCounts> {
  const counts = { rounds, starts: 0, otherRings: 0, otherNodes: 0, errors: 0 };
  for (let round = 0; round < rounds; round++) {
    const env = { MINTMARK_KEY_ENCRYPTION_KEY: randomBytes(32).toString("base64url") };
    const settings = { keys: { store: "shared" } };
    await withDeployment({ store: "redis", appendOnly: "no", settings, env }, async (deployment) => {
      const ports = await Promise.all(Array.from({ length: nodes }, freePort));
      const started = await Promise.allSettled(ports.map((port, node) => startNode(deployment, port, node)));
      counts.starts += nodes;
      counts.errors += started.filter(({ status }) => status === "rejected").length;
      const issuers = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      const operator = await deployment.operator();
      const keys = [...(await operator.listKeys(false)), ...(await operator.listKeys(true))];
      if (statesOf(keys) !== WANTED) counts.otherRings += 1;
      const sets = await Promise.all(issuers.map(({ client }) => client.send({ method: "GET", path: "/.well-known/jwks.json" })));
      counts.otherNodes += sets.filter(({ body }) => body !== sets[0]?.body).length;
      counts.errors += issuers.filter(({ child }) => child.tail().includes('"level":"error"')).length;
    });
  }
  return counts;
}

/** A node is ready when it can sign, so one that can't makes its start fail. */
function startNode(deployment: Deployment, port: number, node: number): Promise<IssuerProcess> {
  const folder = join(deployment.directory, `node-${node}`);
  mkdirSync(folder);
  return deployment.startIssuer({ port, folder });
}

function statesOf(keys: readonly KeyListing[]): string {
  return keys
    .map(({ alg, state }) => `${alg} ${state}`)
    .toSorted((one, other) => one.localeCompare(other))
    .join(", ");
}

if (import.meta.main) {
  await report(async () => {
    const counts = await fleetStarts(readOptions({ rounds: 30, nodes: 8 }));
    return { counts, good: counts.otherRings + counts.otherNodes + counts.errors === 0 };
  });
}
