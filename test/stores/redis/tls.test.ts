/** TLS to one server, behind Sentinel and to a Cluster: only with a certificate that somebody vouches for. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import t from "tap";
import type { Test } from "tap";
import { findProgram, skipWithout } from "../../../scripts/system-program.ts";
import { OPENSSL } from "../../../scripts/test-programs.ts";
import { freePort, skipWithoutRedis } from "../../support/redis.ts";
import { startRedisProcess } from "../../support/redis-process.ts";
import { bytes, failure, held, server, store, text } from "./support.ts";

const skip = skipWithoutRedis || skipWithout(OPENSSL);

interface Tls {
  readonly certificate: string;
  readonly config: Readonly<Record<string, string>>;
  readonly port: number;
}

async function tls(t: Test): Promise<Tls> {
  const folder = t.testdir();
  const key = join(folder, "key.pem");
  const certificate = join(folder, "certificate.pem");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  spawnSync(findProgram(OPENSSL) ?? "", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", certificate]);
  const port = await freePort();
  return {
    certificate,
    port,
    config: {
      "tls-port": String(port),
      "tls-cert-file": certificate,
      "tls-key-file": key,
      "tls-ca-cert-file": certificate,
      "tls-auth-clients": "no",
    },
  };
}

/** Nobody vouches for the certificate, then this process does. */
async function isUsedOnceTrusted(t: Test, url: string, { certificate }: Tls, reason: RegExp): Promise<void> {
  const messages: string[] = [];
  const refused = await store(t, url, { onError: (message) => messages.push(message) });
  t.match(await failure(refused.ping()), { outcome: "unavailable" });
  t.match(messages, [reason]);

  const before = getCACertificates("default");
  setDefaultCACertificates([readFileSync(certificate, "utf8")]);
  t.teardown(() => setDefaultCACertificates(before));
  const trusted = await store(t, url);
  t.equal(await trusted.compareAndSet("k", undefined, bytes("v"), held()), true);
  t.equal(text(await trusted.get("k")), "v");
}

t.test("one server", { skip }, async (t) => {
  const secured = await tls(t);
  await server(t, { config: secured.config });
  const reason = /^the Redis server can't be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/;
  await isUsedOnceTrusted(t, `rediss://localhost:${secured.port}`, secured, reason);
});

t.test("a Cluster", { skip }, async (t) => {
  const secured = await tls(t);
  const redis = await server(t, { config: { ...secured.config, "cluster-enabled": "yes", "tls-cluster": "yes" } });
  await redis.command("cluster", "addslots", ...Array.from({ length: 16_384 }, (_, slot) => slot));
  while (!String(await redis.command("cluster", "info")).includes("cluster_state:ok"));
  await isUsedOnceTrusted(t, `rediss+cluster://127.0.0.1:${secured.port}`, secured, /DEPTH_ZERO_SELF_SIGNED_CERT/);
});

t.test("behind Sentinel, the sentinels as well", { skip }, async (t) => {
  const data = await tls(t);
  await server(t, { config: data.config });
  const watch = { ...data.config, "tls-port": String(await freePort()), "tls-replication": "yes" };
  const settings = [...Object.entries(watch).map(([name, value]) => `${name} ${value}`), `sentinel monitor main 127.0.0.1 ${data.port} 1`];
  const sentinel = await startRedisProcess({
    args: ({ port, folder, host }) => {
      const file = join(folder, "sentinel.conf");
      writeFileSync(file, [`port ${port}`, `bind ${host}`, `dir ${folder}`, ...settings, ""].join("\n"));
      return [file, "--sentinel"];
    },
    readyText: "+monitor master",
  });
  t.teardown(() => sentinel.remove());
  await isUsedOnceTrusted(t, `rediss+sentinel://127.0.0.1:${watch["tls-port"]}/main`, data, /^no sentinel can be reached/);
});
