import type { KeysPolicy } from "../../domain/policy.ts";
import type { StoreFinding } from "../../domain/ports.ts";
import { agedAt, isFirstAwaited, type KeyAlgorithm } from "../../domain/ring.ts";
import type { KeyListing, Operator } from "../../issuer/types.ts";
import { durationText } from "../text.ts";

/** Whether each algorithm has a key that signs, and one behind it that an emergency could use. */
export function inspectRing(operator: Operator, keys: readonly KeyListing[], now: number): StoreFinding[] {
  if (keys.length === 0) {
    const finding = "there are no keys yet";
    return [{ severity: "hint", subject: "key ring", finding, advice: "start the server once: a first start makes them" }];
  }
  const algorithms = [...operator.ringAlgorithms("signing"), ...operator.ringAlgorithms("mac")];
  return algorithms.flatMap((algorithm) => inspectAlgorithm(algorithm, keys, operator.policy.keys, now));
}

function inspectAlgorithm(algorithm: KeyAlgorithm, keys: readonly KeyListing[], policy: KeysPolicy, now: number): StoreFinding[] {
  const subject = algorithm === "HS256" ? "key ring, MAC keys" : `key ring, ${algorithm}`;
  const own = keys.filter(({ alg }) => alg === algorithm);
  const active = own.find(({ state }) => state === "active");
  const staged = own.filter(({ state }) => state === "staged");
  const advice =
    algorithm === "HS256" ? "start a server, or run: mintmark keys rotate --mac" : "start a server, or run: mintmark keys stage";

  if (active === undefined && isFirstAwaited(own, now)) {
    const activeAt = Math.min(...own.map((key) => key.activeAt ?? Infinity));
    const finding = `its first key is staged, and signs in ${durationText(activeAt - now)}`;
    return [{ severity: "hint", subject, finding, advice: "let no resource use it until then" }];
  }
  if (active === undefined) return [{ severity: "fault", subject, finding: "no active key: nothing can be signed", advice }];
  if (staged.length === 0)
    return [{ severity: "fault", subject, finding: "no staged key: an emergency would cost resource servers errors", advice }];
  if (isOverdue(active, policy, now)) {
    const finding = "the active key is past its planned end";
    return [{ severity: "warning", subject, finding, advice: "see that a server runs and that its clock agrees with the store's" }];
  }
  const agedIn = Math.min(...staged.map((key) => agedAt(key, policy))) - now;
  if (agedIn > 0) {
    const finding = `active and staged; the staged key is young: safe to promote in ${durationText(agedIn)}`;
    return [{ severity: "hint", subject, finding }];
  }
  return [{ severity: "ok", subject, finding: "an active key, and a staged one that may sign at once" }];
}

/** A rotation that nobody has planned a whole staging time after it was due. */
function isOverdue(active: KeyListing, policy: KeysPolicy, now: number): boolean {
  if (policy.rotateEveryMillis === undefined || active.retiringAt !== undefined) return false;
  return now > (active.activeAt ?? now) + policy.rotateEveryMillis + policy.stageForMillis;
}
