/** Key files that can't be used: each is named, with what to do. */

import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { Home } from "../support/issuer-process.ts";
import { until } from "../support/wait.ts";

/** What may happen to the file of a key, what the message must say besides the file, and in which environment. */
const FAULTS: Readonly<Record<string, { spoil(path: string): void; says: RegExp; env?: Record<string, string> }>> = {
  missing: { spoil: (path) => rmSync(path), says: /missing.*(restore|backup).*keys revoke/ },
  empty: { spoil: (path) => writeFileSync(path, ""), says: /empty/ },
  truncated: { spoil: (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, 90)), says: /JSON|truncated/i },
  "of the wrong type": { spoil: (path) => writeFileSync(path, '{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}'), says: /RSA/ },
  "too open in production": { spoil: (path) => chmodSync(path, 0o644), says: /chmod 600/, env: { NODE_ENV: "production" } },
};

t.test("a key file that can't be used is named, with what to do, and exit 2", async (t) => {
  const home = await Home.make(t);
  await (await home.start()).stop();
  const { keys } = JSON.parse(await home.must("keys", "list", "--json")) as { keys: { kid: string; alg: string; state: string }[] };
  const name = `${keys.find(({ alg, state }) => alg === "ES256" && state === "active")?.kid}.json`;
  const path = join(home.keysFolder, name);
  const content = readFileSync(path);
  for (const [fault, { spoil, says, env = {} }] of Object.entries(FAULTS)) {
    spoil(path);
    const process = home.launch(env);
    const code = await process.ended;
    const stderr = process.stderr();
    t.equal(code, 2, fault);
    t.match(stderr, name, `${fault}: named`);
    t.match(stderr, says, `${fault}: what to do`);
    const { d } = JSON.parse(content.toString()) as { d: string };
    t.notMatch(stderr, d.slice(0, 20), `${fault}: no private part is shown`);
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, content, { mode: 0o600 });
  }
  t.equal(await (await home.start()).stop(), 0, "with the file as it was it starts");
});

t.test("in development a key file that is too open is a warning", async (t) => {
  const home = await Home.make(t);
  await (await home.start()).stop();
  for (const name of readdirSync(home.keysFolder)) chmodSync(join(home.keysFolder, name), 0o644);
  const issuer = await home.start();
  const output = (): string => issuer.stdout() + issuer.stderr();
  await until("the warning", () => output().includes("chmod"));
  t.match(output(), /chmod 600/);
});
