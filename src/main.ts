#!/usr/bin/env node
/** argv → command line or server; the only file that touches signals and exit codes. */

import type { FirstProcess, OpenServer, WorkerDependencies } from "./cli/index.ts";

/** The LTS line of .nvmrc. Nothing above and nothing imported statically needs it, so that an older one can say so. */
const NODE_MAJOR = 24;

/** The command that `serve` forks where there are several processes. */
const WORKER = "worker";

/** Ends the workers of this process at once, where it has some. */
let endWorkers = (): void => undefined;

async function main(argv: readonly string[]): Promise<void> {
  const [command] = argv;
  const stop = command === "serve" ? stopSignal() : new AbortController().signal;
  if (command === WORKER) passOverSignals();
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
  const worker = command === WORKER ? await workerDependencies() : undefined;
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
    ...(worker === undefined ? {} : { worker }),
  });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  endWorkers();
  process.exit(code === 0 && isDataLost ? 1 : code);
}

const SAME_SIGNAL_MILLIS = 2_000;

/** Aborted at the first SIGTERM or SIGINT. npm and the terminal both send one, so a repeat within 2 s is the same; a later one ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let isRepeat = true;
  const onSignal = (): void => {
    if (controller.signal.aborted && !isRepeat) {
      endWorkers();
      process.exit(1);
    }
    if (controller.signal.aborted) return;
    controller.abort();
    setTimeout(() => {
      isRepeat = false;
    }, SAME_SIGNAL_MILLIS).unref();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return controller.signal;
}

/** The terminal and systemd send a signal to every process of the group; the first decides, and tells its workers. */
function passOverSignals(): void {
  process.on("SIGTERM", () => undefined).on("SIGINT", () => undefined);
}

/** One process that does it all, or the first of several. */
const openServer: OpenServer = async (config) => {
  const { workerCount, killForked } = await import("./compose.ts");
  const count = workerCount(config);
  if (count === 1) return (await import("./main/one-process.ts")).openOneProcess(config);
  endWorkers = killForked;
  return (await import("./main/several-processes.ts")).openSeveralProcesses(config, count, WORKER);
};

/** What a worker has besides; undefined in a process that nobody forked to be one. */
async function workerDependencies(): Promise<WorkerDependencies | undefined> {
  const { parentProcess } = await import("./compose.ts");
  const firstProcess = parentProcess() as FirstProcess | undefined;
  if (firstProcess === undefined) return undefined;
  return { firstProcess, openServer: async (config) => (await import("./main/one-process.ts")).openOneProcess(config) };
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
