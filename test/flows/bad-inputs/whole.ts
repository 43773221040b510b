/** Rows that are more than one request and its answer. */

import { connect } from "node:net";
import { tokensOf } from "../../support/client-calls.ts";
import type { Expect } from "../../support/expect.ts";
import { membersOf, outcomeOf } from "../../support/http-call.ts";
import { exchange, wireOf } from "../../support/raw-exchange.ts";
import { until } from "../../support/wait.ts";
import { cookieIn, nextToken } from "./clients.ts";
import { requestOf } from "./request.ts";
import { checkAnswer, sendRow, unchanged } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { assertionsIn } from "./values.ts";

type Whole = (expect: Expect, scene: Scene) => Promise<void>;

const UNKNOWN_KIDS = 100;

export const whole: Readonly<Record<string, Whole>> = {
  "te-016": async (expect, scene) => {
    const { world, row, values } = scene;
    const { host, port } = new URL(world.issuer.url);
    const bytes = wireOf(requestOf(row, values), host);
    const socket = connect(Number(port), "127.0.0.1");
    const answer = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (piece: Buffer) => void (text += piece.toString())).on("error", () => undefined);
      socket.on("close", () => resolve(text));
    });
    socket.write(bytes.subarray(0, -1));
    expect.match(await answer, /^HTTP\/1\.1 408 /, "closed within the request timeout");
    await unchanged(expect, scene);
  },
  "te-017": async (expect, scene) => {
    const { world, row, values, clientId } = scene;
    const { hostname, port, host } = new URL(world.issuer.url);
    const socket = connect(Number(port), hostname, () => {
      socket.end(wireOf(requestOf(row, values), host), () => socket.destroy());
    });
    await new Promise((resolve) => socket.once("close", resolve));
    await unchanged(expect, { ...scene, token: await nextToken(world.issuer, clientId, scene.token) });
  },
  "te-045": async (expect, scene) => {
    const answers = await Promise.all(Array.from({ length: Number(scene.row.input.concurrency) }, () => sendRow(scene)));
    expect.same([...new Set(answers.map(({ status }) => status))], [200], "all are granted");
    expect.equal(new Set(answers.map((answer) => tokensOf(answer).refreshToken)).size, 1, "one successor");
  },
  "te-089": async (expect, scene) => {
    const { world } = scene;
    const first = await sendRow(scene, undefined, world.usual);
    const second = await sendRow(scene, undefined, world.issuer);
    const third = await sendRow(scene, undefined, world.usual);
    expect.same([first, second, third].map(outcomeOf), ["200", "401 invalid_client", "401 invalid_client"], "once");
  },
  "te-091": async (expect, scene) => {
    const { world, row } = scene;
    checkAnswer(expect, row, await sendRow(scene));
    // The same of a client whose keys are elsewhere: strangers can't make us fetch them more than once in a while.
    const remote = JSON.parse(JSON.stringify(row).replaceAll("{{CA:", "{{RA:")) as Scene["row"];
    const ask = () => sendRow({ ...scene, row: remote, values: { ...scene.values, ...assertionsIn(["RA:kid=random"], world) } });
    const known = await exchangeKnown(scene);
    expect.equal(known, 200, "its own key is found");
    const before = world.fetches();
    const answers = await Promise.all(Array.from({ length: UNKNOWN_KIDS }, ask));
    expect.same([...new Set(answers.map(outcomeOf))], ["401 invalid_client"], "all are refused");
    expect.ok(world.fetches() - before <= 1, "at most one fetch");
  },
  "jw-005": async (expect, scene) => {
    const { world } = scene;
    const keysNow = membersOf(await world.issuer.send("/.well-known/jwks.json"))["keys"] as { kid: string }[];
    await world.home.must("keys", "stage", "--alg", "ES256");
    await until("a change of the JWK Set", async () => (await sendRow(scene)).status === 200);
    const kids = (membersOf(await sendRow(scene))["keys"] as { kid: string }[]).map(({ kid }) => kid);
    expect.ok(keysNow.every(({ kid }) => kids.includes(kid)) && kids.length > keysNow.length, "the keys of before and the new one");
  },
  "jw-008": async (expect, scene) => {
    const { body } = await scene.world.issuer.send("/.well-known/jwks.json");
    for (const path of scene.row.input.path) {
      const answer = await sendRow(scene, path);
      checkAnswer(expect, scene.row, answer);
      if (answer.status === 200) expect.equal(answer.body, body, "never another key set");
    }
  },
  "ck-016": async (expect, scene) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => sendRow(scene)));
    for (const answer of answers) checkAnswer(expect, scene.row, answer);
    const cookies = new Set(answers.map(cookieIn));
    expect.equal(cookies.size, 1, "all set the same value");
    await unchanged(expect, { ...scene, token: [...cookies][0] ?? "" });
  },
};

/** A good assertion of the client `remote`. */
async function exchangeKnown({ world }: Scene): Promise<number | undefined> {
  const { "RA:ok": assertion } = assertionsIn(["RA:ok"], world);
  const type = encodeURIComponent("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  const body = Buffer.from(`grant_type=client_credentials&client_assertion_type=${type}&client_assertion=${assertion}`);
  const headers = [["content-type", "application/x-www-form-urlencoded"]] as const;
  const { host, port } = new URL(world.usual.url);
  return (await exchange(Number(port), wireOf({ method: "POST", path: "/token", headers, body }, host))).statuses[0];
}
