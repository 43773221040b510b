/** The writer thread: opens the database, runs one transaction per batch, and sweeps between them. */

import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { reasonOf } from "./failures.ts";
import { StoreError } from "../../domain/ports.ts";
import type { Reply, Request, WriterData } from "./protocol.ts";
import { openForWriting } from "./schema.ts";
import { Sweep } from "./sweep.ts";
import { Transactions } from "./transaction.ts";

const { file, busyTimeoutMillis, now }: WriterData = workerData;

const reply = (message: Reply): void => parentPort?.postMessage(message);

function serve(database: DatabaseSync): void {
  const transactions = new Transactions(database);
  const sweep = new Sweep(database, now);
  parentPort?.on("message", (request: Request) => {
    if (request.kind === "close") {
      database.close();
      parentPort?.close();
      return;
    }
    reply(transactions.run(request));
    try {
      sweep.run(request.now);
    } catch {
      // Garbage collection only: what is over is decided from the values. The next step tries again.
    }
  });
  reply({ kind: "opened" });
}

try {
  serve(openForWriting(file, busyTimeoutMillis));
} catch (error) {
  reply({ kind: "refused", message: error instanceof StoreError ? error.message : reasonOf(error) });
}
