/** Reads the JWK Set of every issuer on and on, as verifiers do. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import type { Targets } from "../clients/targets.ts";
import type { Recorder } from "../history/recorder.ts";

export interface Following {
  stop(): Promise<void>;
}

/** Each issuer's once in `everyMillis`. */
export function followJwks(targets: Targets, recorder: Recorder, everyMillis: number): Following {
  const stopping = new AbortController();
  const follow = async (): Promise<void> => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      await fetchOne(targets, recorder, turn % targets.count);
      await pause(everyMillis / targets.count);
    }
  };
  const following = follow();
  return {
    async stop() {
      stopping.abort();
      await following;
    },
  };
}

async function fetchOne(targets: Targets, recorder: Recorder, node: number): Promise<void> {
  // What it says holds from when it was asked, at the earliest.
  const at = recorder.now();
  const answer = await targets.sendTo(node, { method: "GET", path: "/.well-known/jwks.json" });
  if (answer === undefined || answer.status !== 200) return;
  const { keys } = JSON.parse(answer.body) as { keys: readonly { kid: string }[] };
  const maxAge = /max-age=(\d+)/.exec(answer.headers["cache-control"] ?? "")?.[1] ?? "0";
  recorder.jwks({ at, node, kids: keys.map(({ kid }) => kid), maxAgeMillis: Number(maxAge) * 1_000 });
}
