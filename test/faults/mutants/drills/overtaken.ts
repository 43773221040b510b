/** An issuer has read a session and is about to rotate it when another ends it. */

import { withDrill } from "../../drill/drill.ts";
import type { Drill } from "../../drill/drill.ts";
import type { Calls } from "../../clients/calls.ts";
import type { ClientSession } from "../../clients/session.ts";
import { OF_A_DRILL } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { proxied } from "../../support/proxied.ts";
import { passAll } from "../../support/redis-proxy.ts";
import type { RedisProxy } from "../../support/redis-proxy.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { logInMany, NOBODY, SHORT_WINDOW } from "./common.ts";

/** The one that rotates may hear of the end from the log at any time: then it is no race. */
const SESSIONS = 10;
const SUBJECT_KEYS = "mintmark:s";

export const overtaken: Row = {
  id: "overtaken",
  title: "one issuer ends a session between another's read and swap",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup());
    const [proxy] = proxies;
    await withDrill(context, { ...options, crowd: NOBODY, rules: SHORT_WINDOW }, async (drill) => {
      const calls = drill.prober("somebody");
      for (const session of await logInMany(drill, calls, SESSIONS)) if (proxy !== undefined) await overtake(drill, calls, proxy, session);
    });
  },
};

async function overtake({ targets, issuers }: Drill, calls: Calls, proxy: RedisProxy, session: ClientSession): Promise<void> {
  const only = (node: number): void => {
    for (const [other, issuer] of issuers.entries()) targets.set(other, other === node ? issuer?.client : undefined);
  };
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  const { promise: isEnded, resolve: ended } = Promise.withResolvers<void>();
  proxy.decide = ({ name, words }) => {
    if (name !== "get" || words[1]?.toString().startsWith(SUBJECT_KEYS) !== true) return "pass";
    proxy.decide = passAll;
    read();
    return { held: () => isEnded };
  };
  only(0);
  const refreshing = calls.refresh(session, session.current);
  await isRead;
  only(1);
  await calls.revoke(session, session.current.text);
  session.isOver = true;
  ended();
  const { token = session.current } = await refreshing;
  only(0);
  await calls.refresh(session, token);
  for (const [node, issuer] of issuers.entries()) targets.set(node, issuer?.client);
}
