/** Whether the sentinels can do what is expected of them: notice a dead primary, agree, and name another. */

import type { StoreFinding } from "../../domain/ports.ts";
import { Commands } from "./commands.ts";
import { type ConnectionOptions, RedisConnection, type SentinelAccess } from "./connection.ts";
import { PATIENCE } from "./primary.ts";
import { addressOf, type Node, type RedisTarget } from "./url.ts";

/** `SENTINEL MASTER name`; undefined: no such name, or no answer. */
export type SentinelView = ReadonlyMap<string, string> | undefined;

const subject = "sentinel";
/** An odd number of which one may be gone. */
const MIN_SENTINELS = 3;
const LONG_WAIT_MILLIS = 10_000;

export type SentinelOptions = Pick<ConnectionOptions, "commandTimeoutMillis" | "random" | "clock">;

/** Asks every sentinel that the URL names. Never rejects. */
export async function inspectSentinels(
  target: RedisTarget & { readonly kind: "sentinel" },
  access: SentinelAccess,
  options: SentinelOptions,
): Promise<StoreFinding[]> {
  const views = await Promise.all(
    target.sentinels.map(async (node) => [addressOf(node), await viewOf(node, target, access, options)] as const),
  );
  return sentinelFindings(new Map(views), target.name);
}

async function viewOf(
  node: Node,
  { name, isTls }: RedisTarget & { readonly kind: "sentinel" },
  { username, password }: SentinelAccess,
  options: SentinelOptions,
): Promise<SentinelView> {
  const nobody = (): void => undefined;
  const own = {
    whereabouts: { node },
    access: { isTls, username, password },
    database: 0,
    patience: PATIENCE,
    onError: nobody,
    onReady: nobody,
  };
  const connection = new RedisConnection({ ...options, ...own });
  try {
    if (!(await connection.connect())) return undefined;
    const reply = await new Commands(connection).ask("sentinel", ["master", name]).catch(() => undefined);
    return Array.isArray(reply) ? pairs(reply.map(String)) : undefined;
  } finally {
    await connection.close();
  }
}

function pairs(flat: readonly string[]): SentinelView {
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ""] as const] : [])));
}

/** By the sentinel's address. */
export function sentinelFindings(views: ReadonlyMap<string, SentinelView>, name: string): StoreFinding[] {
  const silent = [...views].filter(([, view]) => view === undefined).map(([address]) => address);
  const [view] = [...views.values()].filter((known) => known !== undefined);
  const missing = silent.map((address): StoreFinding => {
    const finding = `${address} does not answer, refuses this user or knows no primary named ${name}`;
    return {
      severity: "warning",
      subject,
      finding,
      advice: "start it, or correct the store's URL (redis.sentinelUsername, redis.sentinelPassword)",
    };
  });
  return view === undefined ? missing : [...missing, ...setup(view)];
}

function setup(view: ReadonlyMap<string, string>): StoreFinding[] {
  const sentinels = Number(view.get("num-other-sentinels")) + 1;
  const quorum = Number(view.get("quorum"));
  const downAfterMillis = Number(view.get("down-after-milliseconds"));
  const findings: StoreFinding[] = [];
  if (sentinels < MIN_SENTINELS) {
    const finding = `${sentinels} sentinel${sentinels === 1 ? "" : "s"}: with one gone nobody can agree on a failover`;
    findings.push({ severity: "warning", subject, finding, advice: "run three, each on a machine of its own" });
  }
  if (quorum > sentinels) {
    const finding = `quorum is ${quorum} and there are ${sentinels} sentinels: there will be no failover`;
    findings.push({ severity: "fault", subject, finding, advice: "set a quorum of more than half of the sentinels" });
  }
  if (downAfterMillis > LONG_WAIT_MILLIS) {
    const finding = `a dead primary is noticed after ${downAfterMillis / 1000} s; until then logins and refreshes are answered 503`;
    findings.push({ severity: "hint", subject, finding, advice: "set down-after-milliseconds to 5000 or less" });
  }
  if (findings.length > 0) return findings;
  return [
    {
      severity: "ok",
      subject,
      finding: `${sentinels} sentinels, quorum ${quorum}, a dead primary is noticed after ${downAfterMillis / 1000} s`,
    },
  ];
}
