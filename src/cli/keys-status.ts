/** `keys status`: which verifiers have fetched a staged key, which have not, and whether it may sign. */

import { type Verifier, verifierKey } from "../domain/fetches.ts";
import type { KeysStatus, KeyStatus } from "../issuer/types.ts";
import { EXIT, failed, printJson, wrongUse } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { checkKid } from "./kid.ts";
import { withOperator } from "./open.ts";
import { durationText, table, timestamp } from "./text.ts";

const SHORT_KID = 10;
const NAMED_IN_VERDICT = 3;

export async function keysStatus(context: Context, kid: string | undefined, options: { readonly json?: boolean }): Promise<ExitCode> {
  const fault = kid === undefined ? undefined : checkKid(kid);
  if (fault !== undefined) return wrongUse(context, fault);
  return withOperator(context, async (operator) => {
    const all = await operator.keyStatus();
    const status = { ...all, keys: all.keys.filter((key) => kid === undefined || key.kid === kid) };
    if (kid !== undefined && status.keys.length === 0) return failed(context, "no staged or active signing key is called that");
    if (options.json) return printJson(context, statusJson(status));
    if (status.keys.length === 0) context.say("no keys yet: they are made when the server first starts");
    else draw(context, status);
    return EXIT.done;
  });
}

function statusJson({ isCounted, isFull, keys }: KeysStatus): object {
  return {
    counted: isCounted,
    full: isFull,
    keys: keys.map(({ kid, alg, state, custody, activeAt, agedAt, isAged, isSafe, have, lack, quiet }) => ({
      kid,
      alg,
      state,
      custody,
      activeAt: timestamp(activeAt),
      agedAt: timestamp(agedAt),
      aged: isAged,
      safe: isSafe,
      have: have.map(verifierJson),
      lack: lack.map(verifierJson),
      quiet: quiet.map(verifierJson),
    })),
  };
}

function verifierJson({ address, userAgent, firstSeenAt, lastFetchedAt, count, unchanged }: Verifier): object {
  return {
    address,
    userAgent,
    firstSeenAt: timestamp(firstSeenAt),
    lastFetchedAt: timestamp(lastFetchedAt),
    fetches: count,
    unchanged,
  };
}

function draw(context: Context, status: KeysStatus): void {
  const now = context.dependencies.clock();
  const count = (verifiers: readonly Verifier[]): string => (status.isCounted ? String(verifiers.length) : "-");
  const keys = status.keys
    .toSorted((a, b) => (a.alg === b.alg ? a.agedAt - b.agedAt : a.alg < b.alg ? -1 : 1))
    .map((key) => [
      key.kid,
      key.alg,
      key.state,
      key.custody,
      count(key.have),
      count(key.lack),
      count(key.quiet),
      verdict(key, status.isCounted, now),
    ]);
  context.print(table(["KID", "ALG", "STATE", "IN", "HAVE IT", "LACK IT", "GONE QUIET", "VERDICT"], keys));
  if (!status.isCounted) return context.say("nobody notes who fetches the JWK Set: keys.countFetches is false");
  const verifiers = verifierRows(status.keys, now);
  if (verifiers.length > 0) context.print(`\n${table(["VERIFIER", "ADDRESS", "LAST FETCHED", "LACKS"], verifiers)}`);
  if (status.isFull) context.say("no more verifiers than these can be remembered: there may be others");
  context.say("advice, up to half a minute old: anyone can fetch, and those behind one cache or address look like one");
}

/** The longest without a fetch first. */
function verifierRows(keys: readonly KeyStatus[], now: number): readonly (readonly string[])[] {
  const verifiers = new Map(keys.flatMap(({ have, lack, quiet }) => [...have, ...lack, ...quiet]).map((one) => [verifierKey(one), one]));
  const isAmong = (verifier: Verifier, others: readonly Verifier[]): boolean =>
    others.some((other) => verifierKey(other) === verifierKey(verifier));
  return [...verifiers.values()]
    .toSorted((a, b) => a.lastFetchedAt - b.lastFetchedAt)
    .map((verifier) => {
      const lacked = keys.filter(({ lack, quiet }) => isAmong(verifier, lack) || isAmong(verifier, quiet));
      const isQuiet = keys.some(({ quiet }) => isAmong(verifier, quiet));
      const lacks = lacked.map(({ kid }) => `${kid.slice(0, SHORT_KID)}…`).join(" ");
      const last = `${durationText(now - verifier.lastFetchedAt)} ago${isQuiet ? ", gone quiet" : ""}`;
      return [agentOf(verifier), verifier.address, last, lacks === "" ? "-" : lacks];
    });
}

function agentOf({ userAgent }: Verifier): string {
  return userAgent === "" ? "(no User-Agent)" : userAgent;
}

function verdict(key: KeyStatus, isCounted: boolean, now: number): string {
  if (key.state === "active") return "signs";
  const rest = key.isAged ? undefined : `in ${durationText(key.agedAt - now)}`;
  const planned = key.activeAt === undefined ? "" : `; signs by itself in ${durationText(key.activeAt - now)}`;
  return `${judgement(key, isCounted, rest)}${planned}`;
}

function judgement({ lack, have }: KeyStatus, isCounted: boolean, rest: string | undefined): string {
  if (lack.length > 0) return `${rest === undefined ? "" : `${rest} at the earliest; `}${lackText(lack)}`;
  if (rest !== undefined) return rest;
  if (!isCounted) return "safe to promote by its age";
  return have.length === 0 ? "safe to promote: it has aged, and no verifier is known" : "safe to promote";
}

function lackText(lack: readonly Verifier[]): string {
  const named = lack.slice(0, NAMED_IN_VERDICT).map((verifier) => `${agentOf(verifier)} at ${verifier.address}`);
  const others = lack.length - named.length;
  const who = `${named.join(", ")}${others === 0 ? "" : ` and ${others} more`}`;
  return `${lack.length === 1 ? "1 verifier has" : `${lack.length} verifiers have`} not fetched it: ${who}`;
}
