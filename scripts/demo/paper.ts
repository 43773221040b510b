/** What the tour prints: steps, facts, tokens taken apart, and checks that end it when they don't hold. Colour only at a terminal. */

import { styleText } from "node:util";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { parseRefreshToken } from "../../src/domain/refresh-token.ts";

/** Something was not as it should be. */
export class TourError extends Error {
  override readonly name = "TourError";
}

type Style = Parameters<typeof styleText>[0];

const INDENT = "   ";
const LABEL_WIDTH = 15;
/** Claims and header members whose value says nothing to people in full. */
const SHORTENED = new Set(["kid", "jti"]);

let steps = 0;

export function title(text: string): void {
  print(paint("bold", text));
}

export function step(text: string): void {
  steps += 1;
  print("");
  print(paint("bold", `${steps}  ${text}`));
}

export function tell(text: string): void {
  print(INDENT + text);
}

export function fact(label: string, value: string): void {
  print(`${INDENT}${paint("dim", label.padEnd(LABEL_WIDTH))}${value}`);
}

/** Says what was expected. Throws `TourError` where it isn't so. */
export function check(expectation: string, isSo: boolean): void {
  if (!isSo) throw new TourError(expectation);
  print(`${INDENT}${paint("green", "✓")} ${expectation}`);
}

/** The value, where there is one; a `TourError` otherwise. */
export function must<T>(value: T | undefined, expectation: string): T {
  if (value === undefined) throw new TourError(expectation);
  return value;
}

/** Header and claims of an access token; with `before`, only what is new. Its signature is for the resource server to check. */
export function showAccessToken(token: string, before?: string): void {
  const isNew = ([name, value]: readonly [string, unknown], old: Readonly<Record<string, unknown>>): boolean => old[name] !== value;
  const known = before === undefined ? {} : decodeJwt(before);
  const claims = Object.entries(decodeJwt(token)).filter((claim) => isNew(claim, { ...known }));
  fact("access token", short(token, 24));
  fact("  header", membersText(Object.entries(decodeProtectedHeader(token))));
  if (before === undefined) for (const [name, value] of claims) fact(`  ${name}`, valueText(name, value));
  else fact("  new claims", `${membersText(claims)}; the others are as before`);
}

/** Only the issuer takes a refresh token apart; the tour may, to show what is in it. */
export function showRefreshToken(token: string): void {
  const parts = must(parseRefreshToken(token), "a refresh token is spelled like one");
  fact("refresh token", short(token, 24));
  const hex = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString("hex").slice(0, 8)}…`;
  const { macVersion, subjectKey, handle, generation, mac } = parts;
  fact("  parts", `MAC key ${macVersion}, subject ${hex(subjectKey)}, handle ${hex(handle)}, generation ${generation}, MAC ${hex(mac)}`);
}

export function generationOf(refreshToken: string): number {
  return must(parseRefreshToken(refreshToken), "a refresh token is spelled like one").generation;
}

export function kidOf(accessToken: string): string {
  return must(decodeProtectedHeader(accessToken).kid, "an access token names its key");
}

export function short(text: string, length = 8): string {
  return text.length <= length + 1 ? text : `${text.slice(0, length)}…`;
}

function membersText(members: readonly (readonly [string, unknown])[]): string {
  return members.map(([name, value]) => `${name} ${valueText(name, value)}`).join(", ");
}

function valueText(name: string, value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return SHORTENED.has(name) ? short(text) : text;
}

function paint(style: Style, text: string): string {
  // By default it looks at the stream: no colour in a file, a pipe, or where NO_COLOR says so.
  return styleText(style, text, { stream: process.stdout });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
