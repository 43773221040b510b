/**
 * F5: the primary's host and an issuer are cut off from all the others. That issuer confirms nothing, and rotates nothing once
 * its primary has been without replicas for `min-replicas-max-lag`; what it rotated before that is lost, and healed.
 */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { createNetwork, skipWithoutNamespaces } from "../../support/network.ts";
import type { Network } from "../../support/network.ts";
import type { SentinelSetup } from "../../support/redis-sentinel.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { failOver } from "../support/failover-fault.ts";
import { sentinelSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds, Skip } from "./row.ts";
import type { Row } from "./row.ts";

const SERVERS = ["a", "b", "c"];
const ISSUERS = ["cut", "rest"];
const [CUT, REST] = [0, 1];
/** `min-replicas-max-lag`, counted in whole seconds and looked at each second, and a machine that is busy. */
const LAG_MILLIS = 4_000;
/** As recommended: later than a primary without replicas stops. */
const DOWN_AFTER_MILLIS = 5_000;
/** For a new primary, and for a while with two of them. */
const CUT_MILLIS = 14_000;
const PROBE_EVERY_MILLIS = 250;
/** Until a probe is answered that began in time. */
const LAST_PROBE_MILLIS = 2_000;

export const f05: Row = {
  id: "F5",
  title: "Sentinel: partition of primary and an issuer against the rest, in network namespaces",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 6,
  quickRounds: 1,
  async run(context) {
    if (skipWithoutNamespaces !== false) throw new Skip(skipWithoutNamespaces);
    const network = await createNetwork([...SERVERS, ...ISSUERS]);
    try {
      const hosts = SERVERS.map((name) => network.host(name));
      const { sentinel, options } = await sentinelSetup({
        downAfterMillis: DOWN_AFTER_MILLIS,
        hosts: { servers: hosts, sentinels: hosts },
      });
      const hostOf = (node: number) => network.host(ISSUERS[node] ?? "");
      await withDrill(context, { ...options, hostOf }, async (drill) => {
        await inRounds(context, async () => {
          await failOver(drill, { kind: "partition", kept: "confirmed" }, () => partition(drill, network, sentinel));
          await pause(RECOVER_MILLIS);
        });
      });
    } finally {
      network.remove();
    }
  },
};

async function partition(drill: Drill, network: Network, sentinel: SentinelSetup): Promise<void> {
  const primary = await sentinel.primary();
  const alone = network.hosts.filter(({ name, address }) => name === ISSUERS[CUT] || address === primary.host);
  const others = network.hosts.filter((host) => !alone.includes(host));
  const before = await drill.proberOf(CUT).logIn("app", "before the partition");
  await network.partition(alone, others);
  const [granted] = await Promise.all([grantsWhileCut(drill, before.session), pause(CUT_MILLIS)]);
  const elsewhere = await drill.proberOf(REST).logIn("app", "during the partition");
  await network.heal();
  await sentinel.waitUntilHealthy();
  drill.expect("there is another primary", (await sentinel.primary()) !== primary);
  drill.expect("the issuer that is cut off confirms no login", granted.logins === 0);
  drill.expect("it rotates nothing once its primary has no replicas", granted.lateRotations === 0);
  drill.expect("the other issuer serves", elsewhere.session !== undefined);
  drill.count("rotations while cut off", granted.rotations);
}

type Session = Awaited<ReturnType<ReturnType<Drill["proberOf"]>["logIn"]>>["session"];

/** What the issuer that is cut off grants. */
async function grantsWhileCut(drill: Drill, session: Session): Promise<{ logins: number; rotations: number; lateRotations: number }> {
  const calls = drill.proberOf(CUT);
  const began = drill.recorder.now();
  const granted = { logins: 0, rotations: 0, lateRotations: 0 };
  if (session === undefined) throw new Error("nobody could log in before the partition");
  for (let age = 0; age < CUT_MILLIS - LAST_PROBE_MILLIS; age = drill.recorder.now() - began) {
    if ((await calls.logIn("app", "while cut off")).session !== undefined) granted.logins += 1;
    const { token, accessToken } = await calls.refresh(session, session.current);
    if (token !== undefined && accessToken !== undefined) {
      session.take(token, accessToken, undefined);
      granted.rotations += 1;
      if (age > LAG_MILLIS) granted.lateRotations += 1;
    }
    await pause(PROBE_EVERY_MILLIS);
  }
  return granted;
}
