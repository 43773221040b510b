/** The package's public API. */

import type { FastifyInstance } from "fastify";
import { openServer } from "./compose.ts";
import { type ConfigDocument, type ConfigFault, parseConfig } from "./config.ts";
import { buildApp } from "./http/app.ts";

export type { ConfigDocument, ConfigFault } from "./config.ts";

/** The configuration has faults; all of them are in `faults`, each with its path. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    this.faults = faults;
  }
}

/**
 * An issuer as a Fastify instance that does not listen yet. It opens the store now, makes and plans keys on `ready`,
 * and stops on `close`; it handles no signals and has no listener for metrics. `config` is a configuration document;
 * without one the development default holds. Environment variables are not read; relative paths are relative to the
 * working directory. Throws `ConfigError`; `ready` rejects with `StoreError` or `KeyError`.
 */
export async function createIssuer(config?: ConfigDocument): Promise<FastifyInstance> {
  const result = parseConfig(config, {}, process.cwd());
  if (!result.ok) throw new ConfigError(result.faults);
  const { issuer, http, close } = await openServer(result.config, process.stderr);
  const app = buildApp({ ...http, issuer });
  app.addHook("onReady", () => issuer.start());
  app.addHook("onClose", async () => {
    await issuer.stop();
    await close();
  });
  return app;
}
