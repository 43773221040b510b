/** Hosts of verifiers: one answer to each question, in the order of the questions; a host that ends is an answer too. */

import t from "tap";
import type { Test } from "tap";
import { openHost } from "../../../scripts/interop/host.ts";
import type { Missing, Opened, Surrounding } from "../../../scripts/interop/types.ts";

const SETTING = { issuer: "http://127.0.0.1:1", jwksUri: "http://127.0.0.1:1/jwks.json", resources: [] };
/** Accepts tokens that begin with "good", each after a pause that is shorter than the one before; ends at "end". */
const HOST = `
  const lines = require("node:readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const say = (value) => console.log(JSON.stringify(value));
  (async () => {
    const { issuer } = JSON.parse((await lines.next()).value);
    say({ verifiers: { here: { version: issuer }, away: { missing: "a library" } } });
    let pause = 60;
    for await (const line of lines) {
      const { token, verifier } = JSON.parse(line);
      if (token === "end") process.exit(1);
      await new Promise((resolve) => setTimeout(resolve, (pause -= 20)));
      say(token.startsWith("good") ? { ok: true } : { ok: false, why: verifier + " refuses " + token });
    }
  })();
`;

async function open(t: Test, program: string): Promise<Surrounding | Missing> {
  const surrounding = await openHost([process.execPath, "--eval", program], t.testdir(), SETTING);
  if (!("missing" in surrounding)) t.teardown(() => surrounding.close());
  return surrounding;
}

function verifyOf(opened: Opened | undefined): (token: string) => Promise<unknown> {
  if (opened === undefined || "missing" in opened) throw new Error("it is not there");
  return (token) => opened.verify({ token, audience: "https://api.example.com", alg: "ES256" });
}

t.test("questions asked at once get their own answers", async (t) => {
  const surrounding = (await open(t, HOST)) as Surrounding;
  t.match(surrounding.verifiers.get("here"), { version: SETTING.issuer });
  t.strictSame(surrounding.verifiers.get("away"), { missing: "a library" });
  const verify = verifyOf(surrounding.verifiers.get("here"));
  const verdicts = await Promise.all(["good one", "bad", "good two"].map(verify));
  t.strictSame(verdicts, [{ ok: true }, { ok: false, why: "here refuses bad" }, { ok: true }]);
});

t.test("a host that ended gives no verdict, now or later", async (t) => {
  const surrounding = (await open(t, HOST)) as Surrounding;
  const verify = verifyOf(surrounding.verifiers.get("here"));
  await t.rejects(verify("end"), /it ended/);
  await t.rejects(verify("good"), /it ended/);
});

t.test("a host that can't start is missing", async (t) => {
  t.match(await open(t, "process.exit(1)"), { missing: /host/ });
  t.match(await openHost(["/nowhere/python"], t.testdir(), SETTING), { missing: /host/ });
});
