/** `npm run demo` is a promise: it runs, says what happened, and leaves nothing. */

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { check, TourError } from "../scripts/demo/paper.ts";

const DEMO = join(import.meta.dirname, "../scripts/demo.ts");
const KID = "[A-Za-z0-9_-]{8}…";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runDemo(temporary: string, environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const env = { ...process.env, TMPDIR: temporary, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [DEMO], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

t.test("the tour runs to its end, shows what it promises and leaves nothing behind", async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), "mintmark-test-"));
  t.teardown(() => rmSync(temporary, { recursive: true, force: true }));
  // Nobody's own settings may get in its way.
  const { code, stdout, stderr } = await runDemo(temporary, { MINTMARK_ISSUER: "https://elsewhere.example.com", NODE_ENV: "production" });
  t.equal(code, 0, stderr);
  t.equal(stderr, "");
  t.strictSame(readdirSync(temporary), []);
  t.notOk(stdout.includes("\u001b"), "no colour where there is no terminal");

  const generations = [...stdout.matchAll(/generation (\d+), MAC/g)].map((match) => match[1]);
  t.strictSame(generations, ["1", "2", "3"], "each refresh token was taken apart: login, refresh, retry");
  t.match(stdout, /always the same successor/);

  const [, oldKid, stagedKid] = new RegExp(`(${KID}) signs; (${KID}) is staged`).exec(stdout) ?? [];
  const kids = [...stdout.matchAll(new RegExp(`header +alg ES256, kid (${KID}), typ at\\+jwt`, "g"))].map((match) => match[1]);
  t.strictSame(kids, [oldKid, oldKid, oldKid, stagedKid], "tokens carry the staged key's kid after the rotation, and only then");
  t.not(stagedKid, oldKid);

  t.match(stdout, /introspection says active[^]*introspection says inactive/);
  t.match(stdout, /a refresh is refused: 400 invalid_grant/);
  t.match(stdout, /"event":"refresh","outcome":"replayed"/);
  t.match(stdout, /her tablet goes on/);
});

t.test("where the tour can't go on, it says so and exits 1", async (t) => {
  const { code, stderr } = await runDemo(join(t.testdir(), "no", "such", "folder"));
  t.equal(code, 1);
  t.match(stderr, /✗ the tour broke off/);
});

t.test("a step that is not as it should be ends the tour", async (t) => {
  t.throws(() => check("water flows uphill", false), TourError);
});
