/** Nothing secret leaves by a side door: log, metrics, error messages, and the store's own contents. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { basic, form, introspect, logIn, mustLogIn, mustRefresh, refresh } from "../support/client-calls.ts";
import { call } from "../support/http-call.ts";
import { Home, SECRET } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import { DURABLE } from "./stores.ts";

const PASSWORD = "canary password of a yellow bird";
const WRONG = "wrong canary password of a bird";
const KEY = "canary-idempotency-key";

/** The private members of all keys in the folder. */
function privateMembers(home: Home): readonly string[] {
  return readdirSync(home.keysFolder)
    .filter((name) => name !== "ring.json" && name.endsWith(".json"))
    .flatMap((name) => {
      const text = readFileSync(join(home.keysFolder, name), "utf8");
      const { d, k } = JSON.parse(text) as { d?: string; k?: string };
      return [d, k].filter((member) => member !== undefined);
    });
}

/** Everything that people send by mistake and on purpose; what must not show anywhere afterwards. */
async function useIt(issuer: RunningIssuer): Promise<readonly string[]> {
  const first = await mustLogIn(issuer, "birdie", PASSWORD);
  const second = await mustRefresh(issuer, first.refreshToken);
  await refresh(issuer, second.refreshToken, {}, { "idempotency-key": KEY });
  await logIn(issuer, "birdie", WRONG);
  await logIn(issuer, PASSWORD, WRONG);
  await refresh(issuer, `${second.refreshToken.slice(0, -1)}A`);
  await refresh(issuer, second.refreshToken, { client_id: "other" });
  await issuer.send(`/token?refresh_token=${second.refreshToken}`, { method: "POST" });
  await issuer.send(`/nothing/${second.refreshToken}?password=${encodeURIComponent(PASSWORD)}`);
  await issuer.send("/login", { method: "POST", headers: { "content-type": "text/plain" }, body: PASSWORD });
  await form(issuer, "/token", { grant_type: "client_credentials" }, basic("service"));
  await form(issuer, "/token", { grant_type: "client_credentials" }, basic("service", `${SECRET}x`));
  await introspect(issuer, second.accessToken);
  await form(issuer, "/revoke", { token: second.refreshToken, client_id: "app" });
  const signature = (token: string): string => token.split(".")[2] ?? "";
  return [
    ...[first, second].flatMap((tokens) => [tokens.refreshToken, tokens.refreshToken.slice(4), signature(tokens.accessToken)]),
    PASSWORD,
    WRONG,
    SECRET,
    KEY,
    encodeURIComponent(PASSWORD),
  ];
}

function shown(text: string, secrets: readonly string[]): readonly string[] {
  return secrets.filter((secret) => text.includes(secret) || text.includes(Buffer.from(secret).toString("base64").replace(/=+$/, "")));
}

t.test("no secret is in the log, in the metrics, or in Redis", { skip: skipWithoutRedis }, async (t) => {
  const redis = await startRedis({ config: DURABLE });
  const home = await Home.make(t, { store: redis.url });
  t.teardown(() => redis.remove());
  const issuer = await home.start();
  await home.addUser("birdie", PASSWORD);
  const secrets = [...(await useIt(issuer)), ...privateMembers(home)];
  t.ok(secrets.length >= 15 && secrets.every((secret) => secret.length >= 16));

  const metrics = (await call(`${issuer.opsUrl}/metrics`)).body;
  t.match(metrics, /mintmark_http_responses_total/);
  t.same(shown(metrics, secrets), []);

  const names = (await redis.command("keys", "*")) as string[];
  t.ok(names.length > 3);
  // The file of all writes: every key and value there ever was.
  await redis.command("config", "set", "appendfsync", "always");
  const folder = join(redis.folder, "appendonlydir");
  const written = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
  t.match(written.join(""), "mintmark:");
  t.same(shown(written.join(""), secrets), []);
  t.same(shown(names.join("\n"), secrets), []);

  await redis.kill();
  await refresh(issuer, secrets[0] ?? "");
  await issuer.stop();
  t.match(issuer.stdout(), '"event":"login"');
  t.same(shown(issuer.stdout() + issuer.stderr(), secrets), []);
});

t.test("no secret is in the log or in the embedded store's files", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  await home.addUser("birdie", PASSWORD);
  const secrets = [...(await useIt(issuer)), ...privateMembers(home)];
  await issuer.stop();
  t.same(shown(issuer.stdout() + issuer.stderr(), secrets), []);
  const folder = join(home.folder, "data");
  for (const name of readdirSync(folder)) t.same(shown(readFileSync(join(folder, name), "latin1"), secrets), [], name);
});
