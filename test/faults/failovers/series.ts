/** Failovers of one kind, one after the other, while sessions are revoked all the time; after each it is asked whether they stay ended. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import type { ClientSession } from "../clients/session.ts";
import { OF_A_DRILL } from "../rows/invariants.ts";
import { inRounds } from "../rows/row.ts";
import type { Row, RowContext } from "../rows/row.ts";
import { failOver } from "../support/failover-fault.ts";
import { Doomed } from "./doomed.ts";
import type { FailoverKind, Place } from "./kinds.ts";

export const COUNTED = { revocations: "acknowledged revocations", lost: "revocations lost" } as const;

/** Good clients only: who must never be logged out, and whom it costs time. */
const CROWD = { owners: 8, lossy: 4, browsers: [4], robbed: 0, revokers: 0, passwordUsers: 0 };
const DOOMED = 300;
/** Some are revoked before it begins, most while it goes on, some after it. */
const BEFORE_MILLIS = 500;
const SPAN_MILLIS = 4_000;
/** Of those of earlier failovers but the last, so many are asked for again each time; at the end all are. */
const SAMPLE = 200;

export function seriesOf(kind: FailoverKind): Row {
  return {
    id: kind.id,
    title: `failovers of the kind ${kind.id}`,
    minutes: 15,
    // Where all issuers are started anew at once, their first requests meet the whole load.
    invariants: kind.isForgotten ? OF_A_DRILL.filter((id) => id !== "I12") : OF_A_DRILL,
    rounds: 100,
    quickRounds: 2,
    async run(context) {
      const place = await kind.setUp();
      try {
        await withDrill(context, { ...place.options, crowd: CROWD }, (drill) => series(context, kind, place, drill));
      } finally {
        place.remove?.();
      }
    },
  };
}

async function series(context: RowContext, kind: FailoverKind, place: Place, drill: Drill): Promise<void> {
  const draw = context.draw("revocations");
  const doomed = new Doomed(drill.prober("doomed"), draw);
  const lost = new Set<string>();
  const look = async (sessions: readonly ClientSession[]): Promise<void> => {
    for (const { sid } of await doomed.alive(sessions)) lost.add(sid);
  };
  let latest: readonly ClientSession[] = [];
  const ended: ClientSession[] = [];
  await inRounds(context, async () => {
    const sessions = await doomed.logIn(DOOMED);
    const ending = doomed.end(sessions, SPAN_MILLIS);
    await pause(BEFORE_MILLIS);
    await failOver(drill, { kind: kind.id, kept: kind.kept, isCutting: kind.isForgotten }, () => happen(kind, place, drill));
    await ending;
    const older = Array.from({ length: Math.min(SAMPLE, ended.length) }, () => ended[draw(ended.length)]);
    await look([...sessions, ...latest, ...new Set(older)].filter((session) => session !== undefined));
    ended.push(...sessions);
    latest = sessions;
  });
  await look(ended);
  drill.count(COUNTED.revocations, ended.length);
  drill.count(COUNTED.lost, lost.size);
  if (!kind.isForgotten) drill.expect(`no acknowledged revocation is lost: ${lost.size} of ${ended.length} were`, lost.size === 0);
}

/** The failover, and the end of what the issuers remember where that is wanted. */
async function happen({ isForgotten }: FailoverKind, place: Place, drill: Drill): Promise<void> {
  if (!isForgotten) return void (await place.run());
  const ports = drill.issuers.map((issuer) => issuer?.port ?? 0);
  const forget = async (): Promise<void> => {
    await place.untilReplaced();
    await Promise.all(ports.map((_, node) => drill.killNode(node)));
    await Promise.all(ports.map((port, node) => drill.startNode(node, { port })));
  };
  await Promise.all([place.run(), forget()]);
}
