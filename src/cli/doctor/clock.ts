import type { Clock, StoreFinding } from "../../domain/ports.ts";
import type { Operator } from "../../issuer/types.ts";
import { durationText } from "../text.ts";

const WORTH_A_LOOK_MILLIS = 1_000;

/** How far this machine's clock is from the store's, as well as one round trip can tell. */
export async function inspectClock(operator: Operator, clock: Clock): Promise<StoreFinding[]> {
  const subject = "clock";
  const before = clock();
  const storeNow = await operator.storeClock();
  const after = clock();
  const difference = Math.abs(storeNow - (before + after) / 2) - Math.max(0, after - before) / 2;
  const advice = "let both machines follow one time source (chrony, systemd-timesyncd)";
  const { clockSkewMillis } = operator.policy;
  if (difference > clockSkewMillis) {
    const finding = `${durationText(difference)} away from the store's: more than clockSkew, so no tokens are given and nothing is planned`;
    return [{ severity: "fault", subject, finding, advice }];
  }
  if (difference > WORTH_A_LOOK_MILLIS)
    return [{ severity: "warning", subject, finding: `${durationText(difference)} away from the store's`, advice }];
  return [{ severity: "ok", subject, finding: "agrees with the store's" }];
}
