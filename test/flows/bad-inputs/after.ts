/** What single rows of the file promise beside their answer. */

import { logIn, tokensOf } from "../../support/client-calls.ts";
import type { Expect } from "../../support/expect.ts";
import { membersOf, outcomeOf } from "../../support/http-call.ts";
import type { HttpAnswer } from "../../support/http-call.ts";
import { cookieIn } from "./clients.ts";
import { isOver, unchanged } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { ISSUER, LONG_PASSWORD, PASSWORD } from "./world.ts";

type After = (expect: Expect, scene: Scene, answer: HttpAnswer) => unknown;

const both: After = async (expect, scene) => {
  await unchanged(expect, scene);
  await unchanged(expect, { ...scene, token: scene.values["RT2"] ?? "" });
};
const isInactive: After = (expect, _scene, { body }) => expect.equal(body, '{"active":false}', "exactly inactive");

export const after: Readonly<Record<string, After>> = {
  "te-026": both,
  "te-036": async (expect, scene) => {
    await unchanged(expect, scene);
    expect.match(scene.world.issuer.stdout(), /"outcome":"client_mismatch"/, "a security event");
  },
  "te-038": isOver,
  "te-039": isOver,
  "te-041": async (expect, scene) => {
    await isOver(expect, scene);
    expect.match(scene.world.issuer.stdout(), /"outcome":"replayed"/, "a security event");
  },
  "te-042": async (expect, scene, answer) => {
    expect.equal(tokensOf(answer).refreshToken, scene.token, "the current token, not a new one");
    await unchanged(expect, scene);
  },
  "te-060": (expect, _scene, answer) => expect.notMatch(answer.body, "refresh_token", "no refresh token"),
  "li-001": async (expect, { world }, answer) => {
    const wrong = await logIn(world.issuer, "u", "not the password of u");
    expect.same([wrong.status, wrong.body], [answer.status, answer.body], "as for a wrong password");
  },
  "li-007": async (expect, { world }) =>
    expect.equal((await logIn(world.issuer, "u72", LONG_PASSWORD)).status, 200, "the whole password is right"),
  "li-010": (expect, { world }) => {
    const lines = world.issuer.stdout().trimEnd().split("\n");
    expect.same(
      lines.filter((line) => !/^\{.*\}$/.test(line) || line.includes("\u001b")),
      [],
      "every line of the log is one record",
    );
  },
  "li-016": async (expect, { world }, answer) =>
    expect.equal((await logIn(world.issuer, "nobody", PASSWORD)).body, answer.body, "as for nobody"),
  "rv-005": isOver,
  "rv-010": both,
  "ir-002": (expect, _scene, answer) => expect.equal(outcomeOf(answer), "400 invalid_request"),
  "ir-011": isInactive,
  "ir-012": isInactive,
  "ir-020": isInactive,
  "jw-001": (expect, _scene, answer) => expect.notMatch(answer.body, /"(d|p|q|dp|dq|qi|k|oth)":/, "no private member"),
  "jw-004": (expect, _scene, answer) => expect.same([answer.body, answer.headers["cache-control"]], ["", "public, max-age=600"]),
  "jw-007": (expect, _scene, answer) => {
    if (answer.status !== 200) return;
    const { issuer, jwks_uri: jwksUri } = membersOf(answer);
    expect.same([issuer, jwksUri], [ISSUER, `${ISSUER}/.well-known/jwks.json`], "as configured");
  },
  "ck-001": both,
  "ck-002": both,
  "ck-004": async (expect, scene, answer) => {
    await unchanged(expect, { ...scene, token: cookieIn(answer) ?? "" });
    await unchanged(expect, { ...scene, token: scene.values["RT2"] ?? "" });
  },
  "ck-005": async (expect, scene, answer) => {
    expect.notMatch(JSON.stringify(answer), scene.token, "not reflected");
    await unchanged(expect, { ...scene, token: cookieIn(answer) ?? "" });
  },
  "ck-007": both,
};
