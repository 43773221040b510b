/** Keys in Vault's transit engine: the contract of all custodians and what is special there, on OpenBao and on the stand-in. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { CustodianError } from "../../src/domain/ports.ts";
import type { KeyError } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import type { JwsAlgorithm } from "../../src/domain/ring.ts";
import { systemClock, systemRandom } from "../../src/platform/index.ts";
import type { Custodian } from "../../src/signers/custodian.ts";
import { openVaultCustodian } from "../../src/signers/vault-transit.ts";
import type { VaultOptions } from "../../src/signers/vault-transit.ts";
import { entryOf, faultOf, signerContract } from "../contract/signer.ts";
import { skipWithoutOpenBao, startOpenBao } from "../support/openbao.ts";
import { freePort } from "../support/redis.ts";
import { startVaultStandIn } from "../support/vault-server.ts";
import type { OddAnswer, VaultServer, VaultStandIn } from "../support/vault-server.ts";
import { until } from "../support/wait.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const limits = { timeoutMillis: 5_000, maxInFlight: 256, clock: systemClock };

type Choice = Partial<VaultOptions>;

function custodianAt({ address, namespace }: Pick<VaultServer, "address" | "namespace">, choice: Choice): Custodian {
  return openVaultCustodian({
    address,
    mount: "transit",
    namespace,
    tokenFile: undefined,
    token: undefined,
    limits,
    random: systemRandom,
    ...choice,
  });
}

const isKeys = (fault: KeyError | undefined): boolean => fault !== undefined && !(fault instanceof CustodianError);

const kinds = {
  "the stand-in": { skip: false as const, start: startVaultStandIn },
  OpenBao: { skip: skipWithoutOpenBao, start: startOpenBao },
};

for (const [kind, { skip, start }] of Object.entries(kinds)) {
  // One server for all: keys have names of their own.
  let shared: Promise<VaultServer> | undefined;
  const server = () => (shared ??= start({ namespace: "mint" }));
  t.teardown(async () => (await shared)?.remove());

  signerContract(kind, async () => {
    if (skip !== false) return skip;
    const vault = await server();
    const token = await vault.newToken();
    return {
      open: () => custodianAt(vault, { token }),
      scheme: "vault",
      algorithms: ["ES256", "EdDSA", "Ed25519"],
      erases: true,
      outage: { begin: () => vault.seal(), end: () => vault.unseal() },
      secrets: [token],
      remove: async () => undefined,
    };
  });

  void t.test(kind, { skip }, async (t) => {
    const vault = await server();
    const token = await vault.newToken();
    const custodian = custodianAt(vault, { token });

    await t.test("a key that is rotated there goes on signing as the version that the ring names", async (t) => {
      for (const algorithm of ["ES256", "EdDSA"] as const) {
        const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
        const { name, uri } = placeOf(key.custody);
        await vault.operate("POST", `keys/${name}/rotate`);
        // Opening proves that it still signs for the ring's public key.
        const signer = await custodian.openSigner(key, ring);
        t.equal((await signer.sign("a.b")).length, 64, algorithm);
        const second = await custodian.adopt?.(`${uri};version=2`, algorithm);
        if (second === undefined) throw new Error("nothing was adopted");
        t.not(second.kid, key.kid);
        t.match(second.custody, /;version=2$/);
        const newer = entryOf(second);
        t.equal((await (await custodian.openSigner(newer.key, newer.ring)).sign("a.b")).length, 64, "each version by its own URI");
        t.equal(await custodian.erase(key), false, "it is not ours alone any more");
        t.equal((await signer.sign("a.b")).length, 64, "and is still there");
      }
    });

    await t.test("a version that may not sign any more is the key's fault, when it is opened and while it is open", async (t) => {
      const { key, ring } = entryOf(await custodian.create("ES256", NOW, EMPTY_RING));
      const { name } = placeOf(key.custody);
      const signer = await custodian.openSigner(key, ring);
      await vault.operate("POST", `keys/${name}/rotate`);
      for (const least of ["min_encryption_version", "min_decryption_version"]) {
        await vault.operate("POST", `keys/${name}/config`, { [least]: 2 });
        for (const fault of [await faultOf(signer.sign("a.b")), await faultOf(custodian.openSigner(key, ring))]) {
          t.ok(isKeys(fault), `${least}: ${fault?.message}`);
          t.match(fault?.message, "min_encryption_version is 2");
        }
      }
    });

    await t.test("a key that was deleted there while it was open is the key's fault", async (t) => {
      for (const algorithm of ["ES256", "EdDSA"] as const) {
        const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
        const signer = await custodian.openSigner(key, ring);
        t.equal(await custodianAt(vault, { token }).erase(key), true);
        const fault = await faultOf(signer.sign("a.b"));
        t.ok(isKeys(fault), String(fault));
        t.match(fault?.message, "is missing");
      }
    });

    await t.test("what has another type, no such version or no version in its URI is not taken in, and why is said", async (t) => {
      const wide = custodianAt(vault, { token: vault.operatorToken });
      await vault.operate("POST", "keys/encrypts", { type: "aes256-gcm96" });
      await vault.operate("POST", "keys/derives", { type: "ed25519", derived: true });
      const { name } = placeOf((await custodian.create("ES256", NOW, EMPTY_RING)).custody);
      const cases: readonly [string, JwsAlgorithm, string][] = [
        [`vault:name=${name};version=2`, "ES256", "the latest is 1"],
        [`vault:name=${name};version=1`, "EdDSA", "EdDSA needs ed25519"],
        [`vault:name=${name}`, "ES256", `the latest is vault:name=${name};version=1`],
        ["vault:name=encrypts;version=1", "ES256", "ES256 needs ecdsa-p256"],
        ["vault:name=derives;version=1", "EdDSA", "derives a key for each context"],
        ["vault:name=mintmark-none;version=1", "ES256", "is missing"],
        ["vault:name=..;version=1", "ES256", "is no URI"],
        ["vault:name=a%2F..%2Fb;version=1", "ES256", "is no URI"],
        [`vault:name=${name};version=0`, "ES256", "is no URI"],
        [`vault:name=${name};version=1?address=http://localhost:1`, "ES256", "is no URI"],
        [`vault:name=${name};version=1;more=1`, "ES256", "is no URI"],
      ];
      for (const [uri, algorithm, why] of cases) {
        const fault = await faultOf(wide.adopt?.(uri, algorithm));
        t.ok(isKeys(fault), uri);
        t.match(fault?.message, why, uri);
      }
    });

    await t.test("two that erase at once both end well, and one says that it was there", async (t) => {
      const made = await custodian.create("EdDSA", NOW, EMPTY_RING);
      const erased = await Promise.all([custodian.erase(made), custodianAt(vault, { token }).erase(made)]);
      t.ok(erased.includes(true));
      t.equal(await custodian.erase(made), false);
    });

    await t.test("a token that is over closes the custodian to this node and says which path was refused, not the token", async (t) => {
      const over = await vault.newToken();
      const closed = custodianAt(vault, { token: over });
      const { key, ring } = entryOf(await closed.create("ES256", NOW, EMPTY_RING));
      const signer = await closed.openSigner(key, ring);
      await vault.revokeToken(over);
      const fault = await faultOf(signer.sign("a.b"));
      t.ok(fault instanceof CustodianError);
      t.match(fault?.message, `POST transit/sign/${placeOf(key.custody).name}/sha2-256 (403)`);
      t.notMatch(fault?.message, over);
      const without = await faultOf(custodianAt(vault, {}).create("ES256", NOW, EMPTY_RING));
      t.ok(without instanceof CustodianError);
      t.match(without, { isSetup: true, message: "MINTMARK_VAULT_TOKEN" });
      t.match(await faultOf(custodianAt(vault, {}).check?.()), { isSetup: true, message: "MINTMARK_VAULT_TOKEN" });
      t.match(await faultOf(closed.check?.()), { isSetup: false, message: "refuses GET transit/keys/mintmark-check (403)" });
    });

    await t.test("a token file is read again when its token is refused", async (t) => {
      const tokenFile = tokenFileFor(t);
      const fromFile = custodianAt(vault, { tokenFile });

      const missing = await faultOf(fromFile.create("ES256", NOW, EMPTY_RING));
      t.ok(missing instanceof CustodianError);
      t.match(missing?.message, tokenFile);
      writeFileSync(tokenFile, "two words");
      t.ok((await faultOf(fromFile.create("ES256", NOW, EMPTY_RING))) instanceof CustodianError);

      const tokens = [await vault.newToken(), await vault.newToken()] as const;
      writeFileSync(tokenFile, `${tokens[0]}\n`);
      const { key, ring } = entryOf(await fromFile.create("ES256", NOW, EMPTY_RING));
      const signer = await fromFile.openSigner(key, ring);

      await vault.revokeToken(tokens[0]);
      t.ok((await faultOf(signer.sign("a.b"))) instanceof CustodianError, "refused while there is no other");
      writeFileSync(tokenFile, tokens[1]);
      t.equal((await signer.sign("a.b")).length, 64, "the one that is refused is not what the file holds");
    });

    await t.test("an engine, a namespace or a server that isn't there is the custodian's fault, not the key's", async (t) => {
      const { key, ring } = entryOf(await custodian.create("ES256", NOW, EMPTY_RING));
      const wrong: readonly (readonly [choice: Choice, isSetup: boolean, says: string])[] = [
        [{ mount: "elsewhere" }, false, "no engine is mounted there"],
        [{ namespace: "elsewhere" }, false, "(404)"],
        [{ address: `http://127.0.0.1:${await freePort()}` }, false, "the call failed (ECONNREFUSED)"],
        [{ address: "http://127.0.0.1:1" }, true, "its port is one that fetch"],
        [{ token: "two words" }, true, "MINTMARK_VAULT_TOKEN"],
      ];
      for (const [choice, isSetup, says] of wrong) {
        const lost = custodianAt(vault, { token: vault.operatorToken, ...choice });
        t.match(await faultOf(lost.check?.()), { name: "CustodianError", isSetup, message: says });
        t.ok((await faultOf(lost.openSigner(key, ring))) instanceof CustodianError, JSON.stringify(choice));
        t.ok((await faultOf(lost.erase(key))) instanceof CustodianError, "and it was not erased");
      }
    });
  });
}

/** Answers that no test can have from a real server at will. */
void t.test("odd answers of the stand-in", async (t) => {
  const withServer = async (t: Test): Promise<{ vault: VaultStandIn; open(choice?: Choice): Custodian }> => {
    const vault = await startVaultStandIn();
    t.teardown(() => vault.remove());
    const token = await vault.newToken();
    return { vault, open: (choice) => custodianAt(vault, { token, ...choice }) };
  };

  await t.test("a redirect is not followed, so no other server sees the token", async (t) => {
    const { vault, open } = await withServer(t);
    const other = await startVaultStandIn();
    t.teardown(() => other.remove());
    for (const status of [301, 302, 307, 308]) {
      vault.odd = (asked) => ({ status, headers: { location: `${other.address}${asked.split(" ")[1]}` } });
      const fault = await faultOf(open().create("ES256", NOW, EMPTY_RING));
      t.ok(fault instanceof CustodianError);
      t.match(fault?.message, `(${status})`);
    }
    t.equal(other.lastToken, "");
  });

  await t.test("a signature of another version, another form or another length is none", async (t) => {
    const { vault, open } = await withServer(t);
    const custodian = open();
    const p1363 = Buffer.alloc(64, 251);
    const odd: Readonly<Record<string, readonly unknown[]>> = {
      ES256: [
        `vault:v2:${p1363.toString("base64url")}`,
        `vault:v1:${p1363.toString("base64")}`,
        `vault:v1:${"A".repeat(84)}`,
        p1363.toString("base64url"),
        7,
      ],
      EdDSA: [`vault:v11:${p1363.toString("base64")}`, `vault:v1:${p1363.toString("base64url")}`, "vault:v1:", undefined],
    };
    for (const algorithm of ["ES256", "EdDSA"] as const) {
      vault.odd = () => undefined;
      const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
      const signer = await custodian.openSigner(key, ring);
      for (const signature of odd[algorithm] ?? []) {
        vault.odd = () => ({ status: 200, body: JSON.stringify({ data: { signature } }) });
        t.ok((await faultOf(signer.sign("a.b"))) instanceof CustodianError, String(signature));
        vault.odd = () => undefined;
        await signer.sign("a.b");
      }
    }
  });

  await t.test("a key that shows the ring's public part and signs otherwise is refused at load", async (t) => {
    const { vault, open } = await withServer(t);
    for (const [algorithm, encoding] of [
      ["ES256", "base64url"],
      ["EdDSA", "base64"],
    ] as const) {
      const { key, ring } = entryOf(await open().create(algorithm, NOW, EMPTY_RING));
      const body = JSON.stringify({ data: { signature: `vault:v1:${Buffer.alloc(64, 7).toString(encoding)}` } });
      vault.odd = (asked) => (asked.includes("/sign/") ? { status: 200, body } : undefined);
      t.ok(isKeys(await faultOf(open().openSigner(key, ring))), algorithm);
      vault.odd = () => undefined;
    }
  });

  await t.test("what is no answer of Vault's, or an endless one, is the custodian's fault", async (t) => {
    const { vault, open } = await withServer(t);
    const { key, ring } = entryOf(await open().create("ES256", NOW, EMPTY_RING));
    const odd: readonly OddAnswer[] = [
      { status: 200, headers: { "content-type": "text/html" }, body: "<h1>Welcome</h1>" },
      { status: 200, body: "[]" },
      { status: 200, body: '{"data":7}' },
      { status: 200, body: `{"data":{"x":"${"x".repeat(2 << 20)}"}}` },
      { status: 404, body: "no such page" },
      ...[401, 405, 412, 429, 472, 473, 500, 502, 503].map((status) => ({ status, body: '{"errors":["s.secret"]}' })),
    ];
    for (const answer of odd) {
      vault.odd = () => answer;
      const fault = await faultOf(open().openSigner(key, ring));
      t.ok(fault instanceof CustodianError, `${answer.status} ${answer.body?.slice(0, 40)}`);
      t.notMatch(fault?.message, "s.secret", "what a server writes is not repeated");
      t.ok((await faultOf(open().erase(key))) instanceof CustodianError);
    }
    vault.odd = () => undefined;
    t.ok(await open().openSigner(key, ring));
  });

  await t.test("500 where the key is well is the custodian's fault, 400 is the key's", async (t) => {
    const { vault, open } = await withServer(t);
    const custodian = open();
    const { key, ring } = entryOf(await custodian.create("ES256", NOW, EMPTY_RING));
    const signer = await custodian.openSigner(key, ring);
    for (const status of [500, 400]) {
      vault.odd = (asked) => (asked.includes("/sign/") ? { status, body: '{"errors":["?"]}' } : undefined);
      const fault = await faultOf(signer.sign("a.b"));
      t.equal(fault instanceof CustodianError, status === 500);
      t.ok(fault);
    }
  });

  await t.test("an engine that takes a key and doesn't have it is none of this kind", async (t) => {
    const { vault, open } = await withServer(t);
    vault.odd = (asked) => (asked.startsWith("POST") ? { status: 204 } : undefined);
    const fault = await faultOf(open().create("EdDSA", NOW, EMPTY_RING));
    t.ok(fault instanceof CustodianError);
    t.match(fault?.message, "transit engine");
  });

  await t.test("a server that is late is given up on", async (t) => {
    const { vault, open } = await withServer(t);
    vault.delayMillis = 60_000;
    const fault = await faultOf(open({ limits: { ...limits, timeoutMillis: 100 } }).create("ES256", NOW, EMPTY_RING));
    t.ok(fault instanceof CustodianError);
    t.match(fault?.message, "within 100 ms");
  });

  await t.test("a key has a new name each time, and can't leave", async (t) => {
    const { vault, open } = await withServer(t);
    const made = [await open().create("ES256", NOW, EMPTY_RING), await open().create("ES256", NOW, EMPTY_RING)];
    for (const { custody } of made) {
      t.match(custody, /^vault:name=mintmark-[0-9a-f]{32};version=1$/);
      t.match(await vault.operate("GET", `keys/${placeOf(custody).name}`), {
        type: "ecdsa-p256",
        exportable: false,
        allow_plaintext_backup: false,
      });
    }
    t.not(made[0]?.custody, made[1]?.custody);
  });

  await t.test("another token in the file is used soon, also where the one of before is still good", async (t) => {
    const { vault, open } = await withServer(t);
    const tokenFile = tokenFileFor(t);
    let now = NOW;
    const [first, second] = [await vault.newToken(), await vault.newToken()];
    writeFileSync(tokenFile, first);
    const custodian = open({ token: undefined, tokenFile, limits: { ...limits, clock: () => now } });
    const { key, ring } = entryOf(await custodian.create("ES256", NOW, EMPTY_RING));
    const signer = await custodian.openSigner(key, ring);
    writeFileSync(tokenFile, second);
    await signer.sign("a.b");
    t.equal(vault.lastToken, first, "no signature waits for the file");
    now += 1_000;
    await until("the new token is used", async () => {
      await signer.sign("a.b");
      return vault.lastToken === second;
    });
    rmSync(tokenFile);
    now -= 5_000;
    t.ok(await signer.sign("a.b"), "a file that is away for a moment changes nothing");
    t.ok(await signer.sign("a.b"));
  });

  await t.test("slashes around mount and address are no matter", async (t) => {
    const { vault, open } = await withServer(t);
    t.ok(await open({ address: `${vault.address}/`, mount: "/transit/" }).create("ES256", NOW, EMPTY_RING));
  });
});

function tokenFileFor(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-token-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "token");
}

function placeOf(custody: string): { name: string; uri: string } {
  const [, uri = "", name = ""] = /^(vault:name=([^;]+));/.exec(custody) ?? [];
  return { name, uri };
}
