/** OpenBao as a process: unsealed, with a transit engine, and tokens with the rights that the documentation asks for. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOpenBao } from "../../scripts/openbao.ts";
import { atExit } from "./at-exit.ts";
import { freePort } from "./free-port.ts";
import type { VaultServer } from "./vault-server.ts";
import { until } from "./wait.ts";

type Members = Readonly<Record<string, unknown>>;

export const skipWithoutOpenBao: string | false =
  findOpenBao() === undefined ? "no bao (OpenBao) found on the PATH or in MINTMARK_TEST_OPENBAO, and PyPI has not given it" : false;

const GUIDE = join(import.meta.dirname, "../../docs/operating.md");

/** The policy that the guide gives to operators. */
function documentedPolicy(): string {
  const [, policy] = /```hcl\n([\s\S]*?)```/.exec(readFileSync(GUIDE, "utf8")) ?? [];
  if (policy === undefined) throw new Error("docs/operating.md has no policy");
  return policy;
}

export async function startOpenBao({ namespace }: { namespace?: string } = {}): Promise<VaultServer> {
  const binary = findOpenBao();
  if (binary === undefined) throw new Error("no bao: the test should have been skipped");
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bao-"));
  const [port, clusterPort] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${port}`;
  const config = {
    storage: { inmem: {} },
    listener: { tcp: { address: `127.0.0.1:${port}`, cluster_address: `127.0.0.1:${clusterPort}`, tls_disable: true } },
    api_addr: address,
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const child = spawn(binary, ["server", `-config=${join(folder, "config.json")}`], {
    cwd: folder,
    stdio: "ignore",
    env: { HOME: folder },
  });
  const forget = atExit(() => child.kill("SIGKILL"));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let root = "";

  async function send(method: string, path: string, body?: Members, inNamespace = namespace ?? ""): Promise<Members> {
    const headers = { ...(root && { "x-vault-token": root }), ...(inNamespace !== "" && { "x-vault-namespace": inNamespace }) };
    const response = await fetch(`${address}/v1/${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Members);
  }

  const healthIs = (status: number) => async () => (await fetch(`${address}/v1/sys/health`).catch(() => undefined))?.status === status;

  await until("OpenBao listens", healthIs(501));
  const { keys_base64: shares, root_token: token } = await send("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 }, "");
  const [key] = shares as readonly string[];
  const unseal = async (): Promise<void> => {
    await send("PUT", "sys/unseal", { key }, "");
    await until("OpenBao is unsealed", healthIs(200));
  };
  await unseal();
  root = String(token);
  if (namespace !== undefined) await send("POST", `sys/namespaces/${namespace}`, {}, "");
  await send("POST", "sys/mounts/transit", { type: "transit" });
  await send("POST", "sys/policies/acl/mintmark", { policy: documentedPolicy() });

  return {
    address,
    namespace,
    operatorToken: root,
    async newToken() {
      const { auth } = await send("POST", "auth/token/create", { policies: ["mintmark"], no_default_policy: true, ttl: "1h" });
      return String((auth as Members)["client_token"]);
    },
    revokeToken: async (token) => void (await send("POST", "auth/token/revoke", { token })),
    operate: async (method, path, body) => ((await send(method, `transit/${path}`, body))["data"] ?? {}) as Members,
    seal: async () => void (await send("PUT", "sys/seal", undefined, "")),
    unseal,
    async remove() {
      child.kill("SIGKILL");
      await ended;
      forget();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
