/** What the operator is told of who has fetched a staged key, and the wait for them before it signs. */

import { VERIFIERS_MAX } from "../domain/fetches.ts";
import { schemeOf } from "../domain/key-uri.ts";
import { StoreError } from "../domain/ports.ts";
import { agedAt, keyTimes, publishedKeys, type RingKey } from "../domain/ring.ts";
import { sightings, unseenNames } from "../domain/seen.ts";
import { promotable, youthRisk } from "./operator-keys.ts";
import type { SessionParts } from "./parts.ts";
import type { Awaited, Done, Failed, KeysStatus, KeyStatus, Operator, SeenWait, Unsafe } from "./types.ts";

const LOOK_EVERY_MILLIS = 2_000;

export function seenCommands(parts: SessionParts): Pick<Operator, "keyStatus" | "awaitSeen"> {
  return {
    keyStatus: () => keyStatus(parts),
    awaitSeen: (kid, wait, tell) => awaitSeen(parts, kid, wait, tell),
  };
}

async function keyStatus({ context, keyRing, fetches }: SessionParts): Promise<KeysStatus> {
  await keyRing.reload();
  const { isCounted } = fetches;
  // What was noted before it was switched off says nothing about now.
  const verifiers = isCounted ? await fetches.read() : [];
  const { ring, policy } = keyRing;
  const now = context.clock();
  const keys = publishedKeys(ring, now, policy).keys.flatMap((key): readonly KeyStatus[] => {
    const { state } = keyTimes(ring, key, now, policy);
    if (state !== "staged" && state !== "active") return [];
    const seen = sightings(verifiers, key, now, policy.stageForMillis);
    const isAged = agedAt(key, policy) <= now;
    const isSafe = isAged && seen.lack.length === 0;
    const { kid, algorithm: alg, activeAt } = key;
    return [{ kid, alg, state, custody: schemeOf(key.custody), activeAt, agedAt: agedAt(key, policy), isAged, isSafe, ...seen }];
  });
  return { isCounted, isFull: verifiers.length >= VERIFIERS_MAX, keys };
}

/** What one look at ring and table says of a key that is waited for. */
interface Look extends Awaited {
  readonly key: RingKey;
}

async function awaitSeen(
  parts: SessionParts,
  kid: string,
  wait: SeenWait,
  tell: (awaited: Awaited) => void,
): Promise<Done | Unsafe | Failed> {
  const { clock, sleep } = parts.context;
  const deadline = clock() + wait.deadlineMillis;
  let told = "";
  for (;;) {
    const look = await lookOrGoOn(parts, kid, wait, deadline);
    if (look !== undefined) {
      if ("failed" in look) return look;
      if (look.agedAt !== undefined && look.agedAt > deadline) return tooYoung(parts, look.key, deadline);
      if (look.unseen.length === 0 && look.agedAt === undefined) return { done: true };
      if (clock() >= deadline) return overdue(look);
      const { unseen, agedAt } = look;
      if (JSON.stringify({ unseen, agedAt }) !== told) tell({ unseen, agedAt });
      told = JSON.stringify({ unseen, agedAt });
    }
    await sleep(Math.max(1, Math.min(LOOK_EVERY_MILLIS, deadline - clock())));
  }
}

/** A store that is out of reach for a moment ends no wait of hours; undefined: look again. */
async function lookOrGoOn(parts: SessionParts, kid: string, wait: SeenWait, deadline: number): Promise<Look | Failed | undefined> {
  try {
    return await look(parts, kid, wait);
  } catch (error) {
    if (!(error instanceof StoreError) || parts.context.clock() >= deadline) throw error;
    return undefined;
  }
}

async function look({ context, keyRing, fetches }: SessionParts, kid: string, { names, force }: SeenWait): Promise<Look | Failed> {
  await keyRing.reload();
  const verifiers = await fetches.read();
  const now = context.clock();
  const key = promotable(keyRing, kid, now);
  if ("failed" in key) return key;
  const seen = sightings(verifiers, key, now, keyRing.policy.stageForMillis);
  const aged = agedAt(key, keyRing.policy);
  return { key, unseen: unseenNames(names, seen), agedAt: force || aged <= now ? undefined : aged };
}

function tooYoung(parts: SessionParts, key: RingKey, deadline: number): Unsafe {
  const risk = youthRisk(parts, key, parts.context.clock()) ?? "";
  const seconds = Math.ceil((agedAt(key, parts.keyRing.policy) - deadline) / 1_000);
  return { unsafe: true, risk: `${risk}; it has aged ${seconds} s after the deadline at the earliest` };
}

function overdue({ unseen }: Look): Failed {
  return { failed: `at the deadline the key was not fetched by ${unseen.map(({ name }) => name).join(", ")}: nothing was changed` };
}
