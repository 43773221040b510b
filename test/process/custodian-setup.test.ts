/** A custodian that is set up wrongly: `doctor` and a start say so before a key is to be made there, and no scheduler repeats what can't work. */

import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { Home } from "../support/issuer-process.ts";
import { freePort } from "../support/redis.ts";
import { launch } from "../support/server-process.ts";
import { PIN, skipWithoutFaults, skipWithoutSoftHsm, SoftHsm } from "../support/softhsm.ts";
import { startVaultStandIn } from "../support/vault-server.ts";
import { until } from "../support/wait.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const ROTATE = join(import.meta.dirname, "../../scripts/rotate-keys.ts");
const TIMES = { stageFor: "1s", jwksMaxAge: "1s" } as const;
/** No region and no credentials, whatever this machine has. */
const NO_AWS = {
  AWS_CONFIG_FILE: "/absent",
  AWS_SHARED_CREDENTIALS_FILE: "/absent",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_REGION: "",
  AWS_DEFAULT_REGION: "",
};
const FIRST_KEK = Buffer.alloc(32, 1).toString("base64url");
const SECOND_KEK = Buffer.alloc(32, 2).toString("base64url");

interface Finding {
  readonly severity: string;
  readonly subject: string;
  readonly finding: string;
}

/** A home whose ring is in files, and where new keys are to be made elsewhere from now on. */
async function movingTo(t: Test, store: string): Promise<Home> {
  const home = await Home.make(t, { settings: { keys: TIMES } });
  await (await home.start()).stop();
  home.configure({ keys: { ...TIMES, store, folder: "./keys" } });
  return home;
}

async function custodiansOf(home: Home, env: Record<string, string>): Promise<{ code: number; findings: readonly Finding[] }> {
  const { code, stdout } = await home.command(["doctor", "--json"], { env });
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  return { code, findings: findings.filter(({ subject }) => subject === "key custodian") };
}

/** A staged key that is old enough to sign at once leaves its place to a new one. */
async function untilRotationMakesKey(home: Home): Promise<void> {
  await until("the staged key is old enough", async () => {
    const { stdout } = await home.command(["keys", "rotate", "--dry-run"]);
    return stdout.includes("stage a new");
  });
}

async function rotated(home: Home, env: Readonly<Record<string, string>>): Promise<{ code: number | string; stderr: string }> {
  const script = launch({ cwd: home.folder, env: { MINTMARK_CONFIG: home.configPath, ...env } }, [ROTATE], process.execPath);
  script.listening.catch(() => undefined);
  return { code: await script.ended, stderr: script.stderr() };
}

async function assertFault(t: Test, home: Home, env: Record<string, string>, code: number, says: string): Promise<void> {
  const looked = await custodiansOf(home, env);
  t.equal(looked.code, 1, `doctor, ${says}`);
  t.match(looked.findings, [{ severity: "fault", finding: says }]);
  const commanded = await home.command(["keys", "stage"], { env });
  t.equal(commanded.code, code, `keys stage, ${says}`);
  t.match(commanded.stderr, says);
}

function tokenOf() {
  const hsm = new SoftHsm({ faults: skipWithoutFaults === false });
  hsm.addToken("mine");
  // The command line runs in this process.
  Object.assign(process.env, hsm.environment);
  const store = (more = "", token = "mine", modulePath = hsm.modulePath): string =>
    `pkcs11:token=${token}?module-path=${encodeURIComponent(modulePath)}${more}`;
  return { hsm, store };
}

t.test("a token without PIN, with a wrong one, that isn't there, or whose module isn't", { skip: skipWithoutSoftHsm }, async (t) => {
  const { store } = tokenOf();
  const home = await movingTo(t, store());
  const configured = (text: string): void => home.configure({ keys: { ...TIMES, store: text, folder: "./keys" } });
  const good = { MINTMARK_PKCS11_PIN: PIN };
  t.match(await custodiansOf(home, good), { findings: [{ severity: "ok", finding: "pkcs11: can be used from here" }] });
  for (const [text, env, says] of [
    [store(), {}, "needs a PIN"],
    [store("&pin-source=file:absent"), {}, "the PIN can't be read"],
    [store(), { MINTMARK_PKCS11_PIN: "not-the-pin" }, "CKR_PIN_INCORRECT"],
    [store("", "other"), good, "there is no such token"],
    [store("", "mine", "/absent/module.so"), good, "/absent/module.so can't be loaded"],
  ] as const) {
    configured(text);
    await assertFault(t, home, env, 2, says);
  }
  configured(store());
  const { code } = await home.command(["keys", "stage"], { env: good });
  t.equal(code, 0, "and when it is mended the key is made");
});

t.test("a scheduled rotation with a wrong PIN ends with 2, and tries it once", { skip: skipWithoutFaults }, async (t) => {
  const { hsm, store } = tokenOf();
  const home = await movingTo(t, store());
  const env = { ...hsm.environment, MINTMARK_PKCS11_PIN: "not-the-pin" };
  await untilRotationMakesKey(home);
  const before = hsm.logins();
  const { code, stderr } = await rotated(home, env);
  t.equal(code, 2);
  t.match(stderr, "CKR_PIN_INCORRECT");
  t.equal(hsm.logins() - before, 1);
  await custodiansOf(home, env);
  t.equal(hsm.logins() - before, 2, "nor does doctor more often");

  const issuer = await home.start(env);
  await until("it is told", () => issuer.stdout().includes("CKR_PIN_INCORRECT"));
  t.equal((await issuer.send("/.well-known/jwks.json")).status, 200);
  t.equal(await issuer.stop(), 0);
  const told = issuer
    .stdout()
    .split("\n")
    .filter((line) => line.includes("CKR_PIN_INCORRECT"));
  t.match(told, [/"about":"keys"/]);
  t.equal(told.length, 1);
  t.equal(hsm.logins() - before, 3);
});

t.test("AWS KMS without a region, and a key there that the configuration doesn't know of", async (t) => {
  const home = await movingTo(t, "awskms:");
  Object.assign(process.env, NO_AWS);
  t.teardown(() => Object.keys(NO_AWS).forEach((name) => delete process.env[name]));
  await assertFault(t, home, {}, 2, "no region is given");
  home.configure({ keys: TIMES });
  const imported = await home.command(["keys", "import", "awskms:key-id=1"]);
  t.equal(imported.code, 2);
  t.match(imported.stderr, "the configuration doesn't name; see keys.store and keys.otherStores");
});

t.test("what may pass stays 1: a server that isn't there, named by the system's code, and a token that is refused", async (t) => {
  const vault = await startVaultStandIn();
  t.teardown(() => vault.remove());
  const at = (address: string): string => `vault:mount=transit?address=${address}`;
  const closed = at(`http://127.0.0.1:${await freePort()}`);
  const home = await movingTo(t, closed);
  const env = { MINTMARK_VAULT_TOKEN: await vault.newToken() };
  await assertFault(t, home, env, 1, "the call failed (ECONNREFUSED)");
  await untilRotationMakesKey(home);
  const { code, stderr } = await rotated(home, env);
  t.equal(code, 1);
  t.match(stderr, "ECONNREFUSED");

  const issuer = await home.start(env);
  await until("it is told", () => issuer.stdout().includes("ECONNREFUSED"));
  t.equal((await issuer.send("/readyz")).status, 200, "no key needs it yet");
  t.equal(await issuer.stop(), 0);

  home.configure({ keys: { ...TIMES, store: at(vault.address), folder: "./keys" } });
  await assertFault(t, home, { MINTMARK_VAULT_TOKEN: "s.over" }, 1, "(403): the token is over");
  await assertFault(t, home, {}, 2, "no token is given");
  t.match(await custodiansOf(home, env), { findings: [{ severity: "ok" }] });
  t.equal((await home.command(["keys", "stage"], { env })).code, 0);
  await vault.seal();
  const failed = await home.command(["keys", "stage"], { env });
  t.equal(failed.code, 1);
  t.match(failed.stderr, "is sealed or in maintenance (503)");
});

t.test("keys of a ring, or in files, under another key-encryption key than is given, or with none", async (t) => {
  for (const store of ["shared", "file:./keys"]) {
    const home = await Home.make(t, { settings: { keys: { ...TIMES, store } } });
    const given = (kek: string): Record<string, string> => ({ MINTMARK_KEY_ENCRYPTION_KEY: kek });
    await (await home.start(given(FIRST_KEK))).stop();
    for (const [env, says] of [
      [given(SECOND_KEK), "key-encryption key"],
      [{}, store === "shared" ? "keys.encryptionKeyFile" : "no key-encryption key is given"],
    ] as const) {
      for (const command of ["rotate", "stage"]) {
        const { code, stderr } = await home.command(["keys", command], { env });
        t.equal(code, 2, `${store}, ${command}`);
        t.match(stderr, says);
      }
    }
    const rewrapped = await home.command(["keys", "rewrap"]);
    t.equal(rewrapped.code, 2);
    t.equal((await home.command(["keys", "rewrap"], { env: given(SECOND_KEK) })).code, 2);
    t.equal((await home.command(["keys", "rotate"], { env: given(FIRST_KEK) })).code, 0);
  }
});
