/** What happens to the key ring, as lines for people. */

import { schemeOf } from "../domain/key-uri.ts";
import type { Ring, RingKey } from "../domain/ring.ts";
import type { RingChange } from "../domain/ring-plan.ts";

/** A change that is made, or is to be. */
export function stepText(change: RingChange): string {
  switch (change.change) {
    case "stage":
      if (change.taken !== undefined) return `take in ${change.taken.kid} (${change.algorithm}), staged`;
      return change.activeAt === undefined
        ? `stage a new ${change.algorithm} key`
        : `make a new ${change.algorithm} key, active ${timeText(change.activeAt)}`;
    case "activate":
      return `activate ${change.kid} ${timeText(change.activeAt)}`;
    case "revoke":
      return `revoke ${change.kid} ${timeText(change.at)}`;
    case "raise":
      return `keep ${change.kid} for tokens of ${change.lifetimeMillis / 1_000} s`;
    case "move":
      return `move ${change.moved.kid} to ${schemeOf(change.moved.custody)}`;
    case "rewrap":
      return `seal ${change.sealed.size} private parts under the new key-encryption key`;
    case "erase":
      return `erase the private part of ${change.kid}`;
  }
}

function timeText(time: number): string {
  return `at ${new Date(time).toISOString()}`;
}

/** What somebody else did between two versions of the ring. */
export function stepsBetween(before: Ring, after: Ring): readonly string[] {
  const known = new Map(before.keys.map((key) => [key.kid, key]));
  return after.keys.flatMap((key) => stepsOf(known.get(key.kid), key));
}

function stepsOf(
  before: RingKey | undefined,
  { kid, algorithm, custody, sealed, activeAt, revokedAt, erasedAt }: RingKey,
): readonly string[] {
  const isNew = before === undefined;
  const isOver = revokedAt !== undefined || erasedAt !== undefined;
  return [
    ...(isNew ? [`stage ${kid} (${algorithm})`] : []),
    ...(activeAt === undefined || activeAt === before?.activeAt ? [] : [stepText({ change: "activate", kid, activeAt })]),
    ...(revokedAt === undefined || revokedAt === before?.revokedAt ? [] : [stepText({ change: "revoke", kid, at: revokedAt })]),
    ...(isNew || custody === before.custody ? [] : [`move ${kid} to ${schemeOf(custody)}`]),
    ...(isNew || isOver || custody !== before.custody || sealed === before.sealed ? [] : [`seal ${kid} again`]),
    ...(isNew || erasedAt === undefined || erasedAt === before.erasedAt ? [] : [stepText({ change: "erase", kid, at: erasedAt })]),
  ];
}
