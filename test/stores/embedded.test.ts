import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import { storeContract } from "../contract/store.ts";
import type { StoreHarness } from "../contract/store.ts";

/** The writer threads that are running: Node.js tells of each one it starts. */
const threads = new Set<Worker>();
process.on("worker", (worker: Worker) => {
  threads.add(worker);
  worker.once("exit", () => threads.delete(worker));
});

async function makeHarness(): Promise<StoreHarness> {
  const directory = await mkdtemp(join(tmpdir(), "mintmark-embedded-"));
  return {
    open: () => openEmbeddedStore({ directory, clock: Date.now }),
    interrupt: async () => {
      await Promise.all([...threads].map((worker) => worker.terminate()));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

storeContract("embedded store", makeHarness);
