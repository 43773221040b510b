/** A row on its way: sent, judged by its answer, and followed by a good request. */

import type { Expect } from "../../support/expect.ts";
import { membersOf, outcomeOf } from "../../support/http-call.ts";
import type { HttpAnswer } from "../../support/http-call.ts";
import type { RunningIssuer } from "../../support/issuer-process.ts";
import { exchange, firstAnswer, wireOf } from "../../support/raw-exchange.ts";
import { chosen, differences } from "../bad-inputs.ts";
import { keep, presentAgain } from "./clients.ts";
import { requestOf } from "./request.ts";
import type { Row } from "./row.ts";
import type { Values } from "./values.ts";
import { ADMIN_ORIGIN, APP_ORIGIN } from "./world.ts";
import type { World } from "./world.ts";

export interface Scene {
  readonly world: World;
  readonly row: Row;
  readonly clientId: string;
  /** The newest token of the session that the row is about. */
  readonly token: string;
  readonly values: Values;
}

/** Which process a row goes to: assertions need a tolerance for clocks. */
export function issuerFor({ usual, issuer }: World, row: Row): RunningIssuer {
  return /\{\{[A-Z]A:/.test(JSON.stringify(row.input)) ? usual : issuer;
}

export async function sendRow({ world, row, values }: Scene, path?: string, to = issuerFor(world, row)): Promise<HttpAnswer> {
  const { host, port } = new URL(to.url);
  const request = requestOf(row, values, path);
  const answer = firstAnswer(await exchange(Number(port), wireOf(request, host)));
  if (answer === undefined) throw new Error("there was no answer");
  to.assertDescribed(request.method, request.path, answer);
  return answer;
}

/** What a row expects, with what INTERFACE or DESIGN say otherwise. */
export function checkAnswer(expect: Expect, row: Row, answer: HttpAnswer): void {
  const { status: allowed, error = null } = { ...row.expected, ...differences[row.id] };
  const only = chosen[row.id];
  const status = only === undefined ? allowed : allowed.filter((one) => one === only);
  const [, word = ""] = (answer.body === "" ? "" : outcomeOf(answer)).split(" ");
  expect.ok(status.includes(answer.status), `status ${answer.status} ${word} is one of ${status.join()}`);
  if (error !== null && answer.status !== 200 && row.input.method !== "HEAD")
    expect.ok(error.includes(word), `error ${word} is one of ${error.join()}`);
  for (const [name, value] of Object.entries(row.expected.headers ?? {})) expect.equal(answer.headers[name], value, name);
  expect.ok(answer.headers["x-request-id"], "a request id");
  if (answer.status === 405) expect.ok(answer.headers["allow"], "Allow");
  if (answer.status === 503 || answer.status === 429) expect.match(answer.headers["retry-after"], /^[1-9]\d*$/, "Retry-After");
  if (answer.status === 401 && row.input.headers?.["authorization"]?.length)
    expect.match(answer.headers["www-authenticate"], /^(Basic|Bearer) /, "a challenge");
  if (answer.status >= 400 && answer.body !== "")
    expect.match(answer.body, /^\{"error":"[\x20-\x21\x23-\x5b\x5d-\x7e]+","error_description":"[\x20-\x21\x23-\x5b\x5d-\x7e]+"\}$/);
  const { origin } = row.input.headers ?? {};
  if (row.area !== "jwks" && origin !== APP_ORIGIN && origin !== ADMIN_ORIGIN && origin !== "{{APP_ORIGIN}}")
    expect.equal(answer.headers["access-control-allow-origin"], undefined, "no other page may read it");
  checkCookie(expect, row, answer);
}

export const OVER = /\{\{RT_(REVOKED|\w*EXPIRED)\}\}/;

/** Only a cookie whose session is over is taken back, and only a grant to a cookie client sets one. */
function checkCookie(expect: Expect, row: Row, answer: HttpAnswer): void {
  const cookie = answer.headers["set-cookie"];
  const isTakenBack = row.area === "cookie" && answer.status >= 400 && OVER.test(JSON.stringify(row.input.headers));
  const isSet = row.area === "cookie" && answer.status === 200 && row.input.path !== "/logout";
  if (!isTakenBack && !isSet) return void expect.equal(cookie, undefined, "no Set-Cookie");
  const attributes = /^__Host-mintmark-[a-z-]+=([^;]*); Max-Age=(\d+); Path=\/; HttpOnly; Secure; SameSite=Strict$/.exec(cookie ?? "");
  expect.ok(attributes !== null, `${cookie} has all attributes, and no Domain`);
  if (isTakenBack) return void expect.same(attributes?.slice(1), ["", "0"], "taken back");
  const { refresh_token_expires_in: lifetime, refresh_token: inBody } = membersOf(answer);
  expect.equal(Number(attributes?.[2]), lifetime, "Max-Age is the session's rest");
  expect.equal(inBody, undefined, "nothing in the body");
  expect.ok((cookie ?? "").length <= 4_096, "at most 4096 bytes");
}

/** The session is as it was, and its token has not been presented. */
export async function unchanged(expect: Expect, { world, clientId, token }: Scene): Promise<void> {
  const answer = await presentAgain(world.issuer, clientId, token);
  expect.equal(answer.status, 200, "the next good request works");
  keep(world, clientId, answer);
}

export async function isOver(expect: Expect, { world, clientId, token }: Scene): Promise<void> {
  expect.equal(outcomeOf(await presentAgain(world.issuer, clientId, token)), "400 invalid_grant", "the session is over");
}
