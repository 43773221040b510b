/** `keys`: the key ring as the operator sees and changes it. */

import { RING_LAG_MILLIS } from "../domain/ring.ts";
import type { KeyAlgorithm } from "../domain/ring.ts";
import type { Failed, KeyListing, KeysChanged, Operator, Unsafe } from "../issuer/types.ts";
import { EXIT, failed, printJson, wrongUse } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { drawKeys } from "./keys-timeline.ts";
import { readWait, type WaitOptions, waitUntilSeen } from "./keys-wait.ts";
import { checkKid } from "./kid.ts";
import { withOperator } from "./open.ts";
import { durationText, printable, shortTimestamp, timestamp } from "./text.ts";

export type AlgorithmName = "ES256" | "EdDSA";

export function listKeys(context: Context, options: { readonly json?: boolean; readonly mac?: boolean }): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    const keys = await operator.listKeys(options.mac === true);
    if (options.json) return printJson(context, { keys: keys.map(keyJson) });
    if (keys.length === 0) context.say("no keys yet: they are made when the server first starts");
    else drawKeys(context, keys, operator.policy.keys);
    return EXIT.done;
  });
}

function keyJson(key: KeyListing): Record<string, string | null> {
  const { kid, alg, state, publishedAt, activeAt, retiringAt, retiredAt, revokedAt } = key;
  return {
    kid,
    alg,
    state,
    publishedAt: timestamp(publishedAt),
    activeAt: timestamp(activeAt),
    retiringAt: timestamp(retiringAt),
    retiredAt: timestamp(retiredAt),
    revokedAt: timestamp(revokedAt),
  };
}

export function stageKeys(context: Context, options: { readonly alg?: AlgorithmName }): Promise<ExitCode> {
  return withAlgorithms(context, options.alg ?? "signing", async (operator, algorithms) =>
    reportChange(context, await operator.stageKeys(algorithms)),
  );
}

export interface RotateOptions {
  readonly alg?: AlgorithmName;
  readonly mac?: boolean;
  readonly dryRun?: boolean;
}

export function rotateKeys(context: Context, options: RotateOptions): Promise<ExitCode> {
  const dryRun = options.dryRun === true;
  return withAlgorithms(context, options.mac ? "mac" : (options.alg ?? "signing"), async (operator, algorithms) => {
    const code = reportChange(context, await operator.rotateKeys(algorithms, { dryRun }));
    if (dryRun) context.say("dry run: nothing was changed");
    return code;
  });
}

function withAlgorithms(
  context: Context,
  which: AlgorithmName | "signing" | "mac",
  use: (operator: Operator, algorithms: readonly KeyAlgorithm[]) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    const algorithms = operator.ringAlgorithms(which);
    if (algorithms.length === 0) return wrongUse(context, `the configuration has no ${which} keys`, "keys.algorithms names what is used");
    return use(operator, algorithms);
  });
}

export interface ForceOptions {
  readonly force?: boolean;
  readonly reason?: string;
}

export async function promoteKey(context: Context, kid: string, options: ForceOptions & WaitOptions): Promise<ExitCode> {
  const wait = readWait(options);
  if (typeof wait === "string") return wrongUse(context, wait);
  const fault = checkKid(kid) ?? checkReason(options);
  if (fault !== undefined) return wrongUse(context, fault);
  const force = { force: options.force === true, reason: options.reason };
  return withOperator(context, async (operator) => {
    if (wait !== undefined) {
      if (!operator.policy.keys.countFetches) return wrongUse(context, "nobody notes who fetches the JWK Set: keys.countFetches is false");
      const seen = await waitUntilSeen(context, operator, kid, wait, force.force);
      if (!("done" in seen)) return reportChange(context, seen);
    }
    return reportChange(context, await operator.promoteKey(kid, force));
  });
}

export interface RevokeOptions extends ForceOptions {
  readonly all?: boolean;
  readonly mac?: boolean;
}

export async function revokeKeys(context: Context, kid: string | undefined, options: RevokeOptions): Promise<ExitCode> {
  const { reason, all = false, mac = false, force = false } = options;
  if ((kid !== undefined) === all) return wrongUse(context, "name either one KID or --all");
  if (mac && !all) return wrongUse(context, "--mac goes with --all; a single MAC key is named by its KID");
  if (reason === undefined) return wrongUse(context, '--reason "…" is required: it goes into the line that this command logs to stderr');
  const fault = (kid === undefined ? undefined : checkKid(kid)) ?? checkReason(options);
  if (fault !== undefined) return wrongUse(context, fault);

  return withOperator(context, async (operator) => {
    const result = await operator.revokeKeys(kid === undefined ? (mac ? "all" : "signing") : [kid], reason, force);
    const code = reportChange(context, result);
    const isMac = "keys" in result && kid !== undefined && result.keys.find((key) => key.kid === kid)?.alg === "HS256";
    if (code === EXIT.done && !isMac) warnOfCaches(context, operator);
    if ("left" in result) for (const uri of result.left ?? []) context.say(`${uri} was not made here and stays: erase it there`);
    return code;
  });
}

/** What nobody can take back: copies of the JWK Set outside. */
function warnOfCaches(context: Context, operator: Operator): void {
  const { jwksMaxAgeMillis } = operator.policy.keys;
  context.say(`every node of this issuer has stopped using it (they look again within ${durationText(RING_LAG_MILLIS)})`);
  context.say(
    `resource servers with a copy of the JWK Set may accept it for up to ${durationText(jwksMaxAgeMillis)} more (keys.jwksMaxAge);` +
      " verifiers in the field hold keys for 10 minutes and some for as long as they run: restart those",
  );
}

export function pruneKeys(context: Context): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    const { erased, coming } = await operator.pruneKeys();
    for (const kid of erased) context.print(kid);
    const done = erased.length === 0 ? `nothing to erase${coming.length === 0 ? "" : " yet"}` : `private parts erased: ${erased.length}`;
    context.say(coming.length === 0 ? done : `${done}; ${comingText(coming)}`);
    return EXIT.done;
  });
}

function comingText(coming: readonly number[]): string {
  const keys = coming.length === 1 ? "1 retired key is" : `${coming.length} retired keys are`;
  return `${keys} erased from ${shortTimestamp(Math.min(...coming))} on`;
}

/** Public parts only; there is no command that shows a private one. */
export function exportKeys(context: Context): Promise<ExitCode> {
  return withOperator(context, async (operator) => {
    context.print((await operator.exportKeys()).trimEnd());
    return EXIT.done;
  });
}

export function reportChange(context: Context, result: KeysChanged | Unsafe | Failed): ExitCode {
  if ("failed" in result) return failed(context, result.failed);
  if ("unsafe" in result) {
    context.say(`refused as unsafe: ${result.risk}`);
    context.say('hint: --force --reason "…" does it all the same');
    return EXIT.unsafe;
  }
  for (const step of result.steps) context.print(printable(step));
  if (result.steps.length === 0) context.say("nothing was due");
  return EXIT.done;
}

const REASON_MAX_CHARACTERS = 256;

function checkReason({ force, reason }: ForceOptions): string | undefined {
  if (reason === undefined) return force ? '--force needs --reason "…": it goes into the line that this command logs to stderr' : undefined;
  const isFit = reason.trim() !== "" && reason.length <= REASON_MAX_CHARACTERS && !/\p{Cc}/u.test(reason) && reason.isWellFormed();
  return isFit ? undefined : `--reason takes 1 to ${REASON_MAX_CHARACTERS} characters without control characters`;
}
