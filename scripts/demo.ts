/**
 * `npm run demo`: the tour. A temporary issuer and a sample resource server; logs in, calls the API, refreshes, loses an
 * answer and retries, rotates the key, revokes, is robbed. Exit 0: everything was as it should be; 1: something was not.
 */

import { RESOURCE, startIssuer } from "./demo/issuer.ts";
import { startLossyProxy } from "./demo/lossy-proxy.ts";
import { TourError, title } from "./demo/paper.ts";
import { startResourceServer } from "./demo/resource-server.ts";
import { tour } from "./demo/tour.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
// The exit handlers end the issuer and remove its folder.
for (const [signal, code] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(code));

async function main(): Promise<void> {
  const began = performance.now();
  const issuer = await startIssuer();
  const api = await startResourceServer({ issuer: issuer.url, audience: RESOURCE, requiredScope: "read" });
  const network = await startLossyProxy(issuer.port);
  try {
    title(`mintmark, the tour: an issuer at ${issuer.url}, a resource server at ${api.url}`);
    await tour({ issuer, api, network });
    const seconds = Math.round((performance.now() - began) / 1_000);
    title(`\nEverything was as it should be (${seconds} s). The issuer, its keys and its store are gone again.`);
  } finally {
    await Promise.all([network.close(), api.close(), issuer.remove()]);
  }
}

try {
  await main();
} catch (error) {
  const text = error instanceof TourError ? `not as it should be: ${error.message}` : `the tour broke off: ${String(error)}`;
  process.stderr.write(`\n✗ ${text}\n`);
  process.exitCode = 1;
}
