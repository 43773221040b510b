/** The operator's commands put together. */

import { assertedBy } from "../domain/policy.ts";
import type { StoreFinding } from "../domain/ports.ts";
import { inspectJwks } from "./inspect-jwks.ts";
import type { LoginParts } from "./parts.ts";
import { accountCommands } from "./operator-accounts.ts";
import { keyCommands } from "./operator-keys.ts";
import { privatePartCommands } from "./operator-private-parts.ts";
import { seenCommands } from "./operator-seen.ts";
import { sessionCommands } from "./operator-sessions.ts";
import type { Operator } from "./types.ts";

export function createOperatorOf(parts: LoginParts): Operator {
  const { context, marker, keyRing } = parts;
  return {
    policy: context.policy,
    ...keyCommands(parts),
    ...privatePartCommands(parts),
    ...seenCommands(parts),
    ...accountCommands(parts),
    ...sessionCommands(parts),
    inspect: async () => [
      ...(await context.store.inspect()),
      ...(await inspectMarker(parts)),
      ...(await inspectKeys(parts)),
      ...(await inspectCustodians(parts)),
      ...(await inspectJwks(context)),
      ...(await inspectSubjects(parts)),
    ],
    storeClock: () => context.store.now(),
    async acceptEmptyStore() {
      if ((await marker.read()) !== undefined) return { failed: "the store was not emptied: its marker is there" };
      if (keyRing.bytes === undefined) return { failed: "the store has no key ring yet: start the server first" };
      await marker.create();
      context.emit({ event: "store_accepted" });
      return { done: true };
    },
    close: async () => {
      keyRing.close();
      await Promise.all([context.store.close(), context.custodian.close()]);
    },
  };
}

/** What the ring names and this machine can't open: a server would not start. */
async function inspectKeys({ keyRing }: LoginParts): Promise<StoreFinding[]> {
  await keyRing.opened();
  if (keyRing.faults === "") return [];
  return [{ severity: "fault", subject: "private keys", finding: keyRing.faults }];
}

/** A custodian that can't be used is found out here, not when a key is to be made there. */
async function inspectCustodians({ context }: LoginParts): Promise<StoreFinding[]> {
  const subject = "key custodian";
  return (await context.custodian.check()).map(({ scheme, fault }): StoreFinding => {
    if (fault === undefined) return { severity: "ok", subject, finding: `${scheme}: can be used from here` };
    const advice = fault.isSetup
      ? "mend what is configured or installed here: until then no key can be made or used there"
      : "see that it runs, that this machine reaches it, and that it lets this node in: until then no key can be made or used there";
    return { severity: "fault", subject, finding: fault.message, advice };
  });
}

/** Accounts from before an issuer was trusted may have a sub that it can assert: one is enough to say so. */
async function inspectSubjects({ context, accounts }: LoginParts): Promise<StoreFinding[]> {
  if (context.policy.trustedIssuers.size === 0) return [];
  for await (const { name, sub } of accounts.all()) {
    const trusted = assertedBy(context.policy, sub);
    if (trusted === undefined) continue;
    const finding = `${trusted.issuer} can log in as the account ${name}: its sub begins with the subjectPrefix ${trusted.subjectPrefix}`;
    return [{ severity: "fault", subject: "subjects", finding, advice: "choose another subjectPrefix, or give the account another sub" }];
  }
  return [];
}

/** A store with a ring and no marker was emptied; before the first start it has neither. */
async function inspectMarker({ marker, keyRing }: LoginParts): Promise<StoreFinding[]> {
  if (keyRing.bytes === undefined || (await marker.read()) !== undefined) return [];
  const finding = "the store was emptied: refreshes of sessions it doesn't know are answered 503, not refused";
  const advice = "restore a backup, or go on without the sessions of before: mintmark doctor --accept-empty-store";
  return [{ severity: "fault", subject: "marker", finding, advice }];
}
