/** `sessions`: who is logged in, and ending it. */

import type { SessionSelection } from "../issuer/types.ts";
import { EXIT, printJson, wrongUse } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { withOperator } from "./open.ts";
import { parseTime, shortTimestamp, table, timestamp } from "./text.ts";

export function listSessions(context: Context, options: { readonly sub: string; readonly json?: boolean }): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    const sessions = await operator.listSessions(options.sub);
    if (options.json) {
      const listing = sessions.map(({ sid, clientId, createdAt, lastUsedAt, expiresAt, scope, userAgent }) => ({
        sid,
        clientId,
        createdAt: timestamp(createdAt),
        lastUsedAt: timestamp(lastUsedAt),
        expiresAt: timestamp(expiresAt),
        scope,
        userAgent,
      }));
      return printJson(context, { sessions: listing });
    }
    if (sessions.length === 0) {
      context.say("no sessions");
      return EXIT.done;
    }
    const rows = sessions.map(({ sid, clientId, createdAt, lastUsedAt, expiresAt, userAgent }) => {
      const times = [createdAt, lastUsedAt, expiresAt].map(shortTimestamp);
      return [sid, clientId, ...times, userAgent];
    });
    context.print(table(["SID", "CLIENT", "CREATED", "LAST USED", "EXPIRES", "USER AGENT"], rows));
    return EXIT.done;
  });
}

export interface RevokeSessionsOptions {
  readonly sub?: string;
  readonly sid?: string;
  readonly client?: string;
  readonly all?: boolean;
  readonly issuedBefore?: string;
}

export async function revokeSessions(context: Context, options: RevokeSessionsOptions): Promise<ExitCode> {
  const selection = selectionOf(options);
  if (typeof selection === "string") return wrongUse(context, selection);
  const issuedBefore = options.issuedBefore === undefined ? undefined : parseTime(options.issuedBefore);
  if (options.issuedBefore !== undefined && issuedBefore === undefined)
    return wrongUse(context, '--issued-before takes an RFC 3339 time such as "2026-11-21T08:00:00Z" or seconds since the epoch');
  if (issuedBefore !== undefined && issuedBefore > context.dependencies.clock())
    return wrongUse(context, "--issued-before is in the future: sessions that begin until then would be ended too");

  return withOperator(context, async (operator) => {
    const progress = createProgress(context);
    const ended = await operator.endSessions(selection, issuedBefore, progress.show).finally(progress.clear);
    context.print(`${ended} ${ended === 1 ? "session" : "sessions"} ended`);
    return EXIT.done;
  });
}

/** Exactly one of the three ways to choose; a text says what is wrong. */
function selectionOf({ sub, sid, client, all }: RevokeSessionsOptions): SessionSelection | string {
  const ways = [sub !== undefined, client !== undefined, all === true].filter(Boolean).length;
  if (ways !== 1) return "name exactly one of --sub S, --client C and --all";
  if (sid !== undefined && sub === undefined) return "--sid goes with --sub";
  if (sub !== undefined) {
    if (sub === "") return "--sub is empty";
    if (sid !== undefined && !/^[A-Za-z0-9_-]{22}$/.test(sid)) return "--sid is no session id (22 characters of A-Za-z0-9_-)";
    return { of: "subject", sub, sid };
  }
  if (client === undefined) return { of: "all" };
  return /^[A-Za-z0-9._-]{1,64}$/.test(client) ? { of: "client", clientId: client } : "--client is no client id (1 to 64 of A-Za-z0-9._-)";
}

const REDRAWN_EVERY_MILLIS = 100;

/** A line on stderr that is drawn over itself; nothing where stderr is no terminal. */
function createProgress({ streams: { stderr }, dependencies: { clock } }: Context): { show: (ended: number) => void; clear: () => void } {
  if (stderr.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  let drawnAt = -Infinity;
  return {
    show(ended) {
      const now = clock();
      if (now >= drawnAt && now - drawnAt < REDRAWN_EVERY_MILLIS) return;
      drawnAt = now;
      stderr.write(`\r${ended} sessions ended …`);
    },
    clear: () => void stderr.write("\r\u001B[K"),
  };
}
