/** What the drills for mutants share. They are short: windows, crowds and rounds are as small as lets them catch something. */

import { Drill } from "../../drill/drill.ts";
import type { Crowd, DrillOptions } from "../../drill/options.ts";
import type { RowContext } from "../../rows/row.ts";
import type { Calls } from "../../clients/calls.ts";
import type { ClientSession } from "../../clients/session.ts";

export const SHORT_WINDOW = { retryWindowMillis: 3_000, clockSkewMillis: 500 };

/** The drill does everything itself. */
export const NOBODY: Crowd = { owners: 0, lossy: 0, browsers: [], robbed: 0, revokers: 0, passwordUsers: 0, thinkMillis: 100 };

/** Without probes at the end: an issuer that never recovers would have each of them wait. */
export async function withUnprobedDrill(context: RowContext, options: DrillOptions, use: (drill: Drill) => Promise<void>): Promise<void> {
  const drill = await Drill.make(context, options);
  try {
    await drill.begin();
    await use(drill);
    await drill.quieten();
  } finally {
    await drill.remove();
  }
}

/** New sessions, of a subject each. */
export async function logInMany(drill: Drill, calls: Calls, count: number): Promise<readonly ClientSession[]> {
  const logins = Array.from({ length: count }, async (_, index) => {
    const { session, assertion, result } = await calls.logIn("backend", `person-${index}`);
    if (session === undefined) throw new Error(`nobody can log in (${result.error ?? result.outcome})`);
    drill.ledger.add(session, { clientId: "backend", text: assertion });
    return session;
  });
  return Promise.all(logins);
}

/** Only this issuer can be reached during `work`. */
export async function atNode<T>({ targets, issuers }: Drill, node: number, work: () => Promise<T>): Promise<T> {
  for (const other of issuers.keys()) if (other !== node) targets.set(other, undefined);
  try {
    return await work();
  } finally {
    for (const [other, issuer] of issuers.entries()) targets.set(other, issuer?.client);
  }
}

/** What is over is refused, and not active. */
export async function tryAgain(drill: Drill, calls: Calls, sessions: readonly ClientSession[]): Promise<void> {
  for (const node of drill.issuers.keys()) {
    await atNode(drill, node, async () => {
      for (const session of sessions) {
        const { token, accessToken } = await calls.refresh(session, session.current);
        if (token !== undefined && accessToken !== undefined) session.take(token, accessToken, undefined);
        await calls.introspectAccessToken(session, session.accessToken);
      }
    });
  }
}
