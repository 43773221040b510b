/** `keys promote --wait-until-seen`: the wait before a key signs. */

import { parseDuration } from "../domain/duration.ts";
import type { Awaited, Done, Failed, Operator, SeenWait, Unsafe } from "../issuer/types.ts";
import type { Context } from "./context.ts";
import { durationText, printable } from "./text.ts";

export interface WaitOptions {
  readonly waitUntilSeen?: readonly string[];
  readonly deadline?: string;
}

type Wait = Omit<SeenWait, "force">;

const NAME_MAX_CHARACTERS = 256;

/** What is waited for; undefined: nothing is. A text is a fault. */
export function readWait({ waitUntilSeen: names, deadline }: WaitOptions): Wait | string | undefined {
  if (names === undefined) return deadline === undefined ? undefined : "--deadline goes with --wait-until-seen NAME…";
  if (deadline === undefined) return "--wait-until-seen needs --deadline, a duration such as 10m";
  const deadlineMillis = parseDuration(deadline);
  if (deadlineMillis === undefined) return "--deadline takes a duration such as 90s, 10m or 2h";
  const isFit = names.every((name) => name.trim() !== "" && name.length <= NAME_MAX_CHARACTERS && !/\p{Cc}/u.test(name));
  if (!isFit) return `--wait-until-seen takes an address, a User-Agent or its product: 1 to ${NAME_MAX_CHARACTERS} characters`;
  return { names, deadlineMillis };
}

/** Says on stderr what is waited for, each time that changes. */
export function waitUntilSeen(
  context: Context,
  operator: Operator,
  kid: string,
  wait: Wait,
  force: boolean,
): Promise<Done | Unsafe | Failed> {
  context.say(`waiting at most ${durationText(wait.deadlineMillis)}; what is fetched is known up to half a minute later`);
  return operator.awaitSeen(kid, { ...wait, force }, (awaited) => context.say(`waiting for ${awaitedText(context, awaited)}`));
}

function awaitedText(context: Context, { unseen, agedAt }: Awaited): string {
  const names = unseen.map(({ name, have, lack }) => {
    const progress = have + lack === 0 ? "not seen yet" : `${have} of ${have + lack} have it`;
    return `${printable(name)} (${progress})`;
  });
  const age = agedAt === undefined ? [] : [`the key to age, in ${durationText(agedAt - context.dependencies.clock())}`];
  return [...names, ...age].join(", ");
}
