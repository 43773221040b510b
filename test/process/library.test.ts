/** The issuer as a library: `createIssuer()` in somebody else's process. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import t from "tap";
import { ConfigError, createIssuer } from "../../src/index.ts";
import { packageVersion } from "../../src/platform/version.ts";
import { baseSettings } from "../support/issuer-process.ts";
import type { ConfigDocument } from "../../src/index.ts";

function settings(t: Test): ConfigDocument {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-library-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return { ...baseSettings(), store: `embedded:${join(folder, "data")}`, keys: { store: `file:${join(folder, "keys")}` } };
}

t.test("it answers by inject, without a port, and has its keys when it is ready", async (t) => {
  const app = await createIssuer(settings(t));
  t.teardown(() => app.close());
  t.equal(app.server.listening, false);
  const jwks = await app.inject("/.well-known/jwks.json");
  t.equal(jwks.statusCode, 200);
  t.equal(jwks.json<{ keys: unknown[] }>().keys.length, 6);
  t.equal((await app.inject("/readyz")).statusCode, 200);
  t.equal((await app.inject("/openapi.json")).json<{ info: { version: string } }>().info.version, packageVersion());
  const refused = await app.inject({
    method: "POST",
    url: "/token",
    payload: "grant_type=foo",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  t.same([refused.statusCode, refused.json<{ error: string }>().error], [400, "unsupported_grant_type"]);
});

t.test("close stops it: the store can be opened again, nothing keeps the process alive, no signal is listened to", async (t) => {
  const document = settings(t);
  const listeners = () => ["SIGTERM", "SIGINT"].map((signal) => process.listenerCount(signal));
  const before = listeners();
  const app = await createIssuer(document);
  await app.ready();
  const { body } = await app.inject("/.well-known/jwks.json");
  t.same(listeners(), before);
  await app.close();
  const again = await createIssuer(document);
  t.teardown(() => again.close());
  t.equal((await again.inject("/.well-known/jwks.json")).body, body);
});

t.test("it listens where its user wants", async (t) => {
  const app = await createIssuer(settings(t));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  t.equal((await fetch(`${url}/livez`)).status, 200);
  await app.close();
  await t.rejects(fetch(`${url}/livez`));
});

t.test("a configuration with faults rejects with all of them", async (t) => {
  const wrong = { ...settings(t), isuer: "x", clockSkew: 10 } as unknown as ConfigDocument;
  const error: unknown = await createIssuer(wrong).catch((reason: unknown) => reason);
  t.ok(error instanceof ConfigError);
  t.same(error instanceof ConfigError && error.faults.map(({ path }) => path).sort(), ["clockSkew", "isuer"]);
});
