/** The issuer in this process, with its listeners. */

import type { AddressInfo } from "node:net";
import type { Address, IssuerServer } from "../cli/index.ts";
import { openServer } from "../compose.ts";
import type { Config } from "../config.ts";
import { buildApp } from "../http/app.ts";
import { buildOpsApp } from "../http/ops.ts";

export async function openOneProcess(config: Config): Promise<IssuerServer> {
  const { issuer, http, metrics, hasAccounts, close } = await openServer(config);
  const app = buildApp({ ...http, issuer });
  let isStopping = false;
  // Load balancers are told before the first connection is refused.
  const readiness = async () => (isStopping ? { ready: false, missing: ["shutting down"] } : issuer.readiness());
  const opsApp = config.ops === undefined ? undefined : buildOpsApp({ ...http, issuer: { readiness }, metrics });

  return {
    async listen() {
      await issuer.start();
      await app.listen({ ...config.listen });
      if (config.ops !== undefined) await opsApp?.listen({ ...config.ops });
      return { http: addressOf(app.server), ops: opsApp === undefined ? undefined : addressOf(opsApp.server) };
    },
    hasAccounts,
    readiness,
    metrics: metrics.snapshot,
    async close() {
      isStopping = true;
      await app.close();
      await opsApp?.close();
      await issuer.stop();
      await close();
    },
  };
}

/** Where a server of node:http listens. */
export function addressOf(server: { address(): AddressInfo | string | null }): Address {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("an HTTP server listens on a port");
  return address;
}
