#!/usr/bin/env node
/** argv → command line or server; the only file that touches signals and exit codes. */

import type { AddressInfo } from "node:net";
import type { Address, OpenServer, Server } from "./cli/index.ts";

/** The LTS line of .nvmrc. Nothing above and nothing imported statically needs it, so that an older one can say so. */
const NODE_MAJOR = 24;

async function main(argv: readonly string[]): Promise<void> {
  const stop = argv[0] === "serve" ? stopSignal() : new AbortController().signal;
  const { run, crashText } = await import("./cli/index.ts");
  // A rejection that nobody handles ends here as well.
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${crashText(error)}\n`);
    process.exit(1);
  });
  let isDataLost = false;
  process.stdout.on("error", () => {
    isDataLost = true;
  });
  process.stderr.on("error", () => undefined);

  const { openOperator, packageVersion, sha256Hex, systemClock, systemRandom } = await import("./compose.ts");
  const code = await run(argv, process, {
    environment: process.env,
    workingDirectory: process.cwd(),
    version: packageVersion(),
    clock: systemClock,
    random: systemRandom,
    sha256Hex,
    fetch,
    openOperator: (config) => openOperator(config),
    openServer,
    stop,
  });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code === 0 && isDataLost ? 1 : code);
}

const SAME_SIGNAL_MILLIS = 2_000;

/** Aborted at the first SIGTERM or SIGINT. npm and the terminal both send one, so a repeat within 2 s is the same; a later one ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let isRepeat = true;
  const onSignal = (): void => {
    if (controller.signal.aborted && !isRepeat) process.exit(1);
    if (controller.signal.aborted) return;
    controller.abort();
    setTimeout(() => {
      isRepeat = false;
    }, SAME_SIGNAL_MILLIS).unref();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return controller.signal;
}

/** The issuer and its two listeners. */
const openServer: OpenServer = async (config): Promise<Server> => {
  const { openServer: openIssuer } = await import("./compose.ts");
  const { buildApp } = await import("./http/app.ts");
  const { buildOpsApp } = await import("./http/ops.ts");
  const { issuer, http, metrics, hasAccounts, close } = await openIssuer(config);
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
    async close() {
      isStopping = true;
      await app.close();
      await opsApp?.close();
      await issuer.stop();
      await close();
    },
  };
};

function addressOf(server: { address(): AddressInfo | string | null }): Address {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("an HTTP server listens on a port");
  return address;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

// Last, because what it starts uses everything above.
if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR) {
  process.stderr.write(
    `mintmark runs on Node.js ${NODE_MAJOR}; this is ${process.version}.\n` +
      `In a clone on Linux (glibc, x64 or arm64) "npm ci" brings it along; elsewhere install it from https://nodejs.org or with "nvm install ${NODE_MAJOR}".\n`,
  );
  process.exitCode = 2;
} else {
  await main(process.argv.slice(2));
}
