/** What a worker has of the process that forked it. */

import type { Config } from "../../config.ts";
import type { IssuerServer } from "../server.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** The way to the process that forked this one. */
export interface FirstProcess {
  /** Resolves when it was handed over, or nobody is there; never rejects. */
  send(message: FromWorker): Promise<void>;
  onMessage(listener: (message: ToWorker) => void): void;
  /** Called when it has ended. */
  onGone(listener: () => void): void;
}

/** What `worker` needs, and only a process that was forked to be one has. */
export interface WorkerDependencies {
  readonly firstProcess: FirstProcess;
  readonly openServer: (config: Config) => Promise<IssuerServer>;
}
