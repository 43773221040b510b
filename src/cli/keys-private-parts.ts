/** `keys import` and `keys rewrap`: private parts taken in, moved, sealed again. */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { CUSTODIAN_SCHEMES } from "../config.ts";
import type { Config } from "../config.ts";
import { schemeOf } from "../domain/key-uri.ts";
import type { Failed, KeysChanged, Operator } from "../issuer/types.ts";
import { EXIT, failed, wrongUse } from "./context.ts";
import type { Context, ExitCode, Input } from "./context.ts";
import { reportChange } from "./keys.ts";
import type { AlgorithmName } from "./keys.ts";
import { operate, withConfig, withOperator } from "./open.ts";

/** Far above any private key. */
const MAX_TEXT_BYTES = 65_536;

export function importKeys(context: Context, source: string, options: { readonly alg?: AlgorithmName }): Promise<ExitCode> {
  const isUri = CUSTODIAN_SCHEMES.includes(schemeOf(source));
  if (options.alg !== undefined && !isUri)
    return Promise.resolve(wrongUse(context, "--alg is for a key in a custodian: a file says itself what it is"));
  return withOperator(context, async (operator, config) => {
    const result = await importFrom(context, operator, config, source, options.alg ?? "ES256");
    return typeof result === "number" ? result : reportChange(context, result);
  });
}

async function importFrom(
  context: Context,
  operator: Operator,
  config: Config,
  source: string,
  alg: AlgorithmName,
): Promise<KeysChanged | Failed | ExitCode> {
  const scheme = source === "shared" ? source : schemeOf(source);
  if (scheme === "shared") return operator.moveKeys("shared");
  if (scheme === "file") {
    const folder = resolve(context.dependencies.workingDirectory, source.slice("file:".length));
    if (folder === config.keys.directory) return operator.moveKeys("file");
    return wrongUse(
      context,
      "this is not the folder of the keys",
      "file: names the folder of keys.store or keys.folder; a key from elsewhere is named by its path",
    );
  }
  if (CUSTODIAN_SCHEMES.includes(scheme)) {
    const [algorithm] = operator.ringAlgorithms(alg);
    if (algorithm === undefined || algorithm === "HS256") return failed(context, `the configuration has no ${alg} keys`);
    return operator.importKey({ from: "custodian", uri: source, algorithm });
  }
  const text = await readText(context, source);
  if (text === undefined) return failed(context, "the file can't be read, or is too large for a key");
  const [edName] = operator.ringAlgorithms("EdDSA");
  return operator.importKey({ from: "text", text, edName: edName === "Ed25519" ? "Ed25519" : "EdDSA" });
}

async function readText({ streams, dependencies }: Context, source: string): Promise<string | undefined> {
  if (source === "-") return readStream(streams.stdin);
  try {
    // Not to wait for ever on what turns out to be a pipe.
    const file = await open(resolve(dependencies.workingDirectory, source), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      return size > MAX_TEXT_BYTES ? undefined : await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

async function readStream(input: Input): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    length += chunk.length;
    if (length > MAX_TEXT_BYTES) return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function rewrapKeys(context: Context): Promise<ExitCode> {
  return withConfig(context, async (config) => {
    if (config.keys.encryptionKey === undefined)
      return wrongUse(context, "there is no key-encryption key to seal under", "keys.encryptionKeyFile names one");
    return operate(context, config, (operator) => rewrap(context, operator));
  });
}

async function rewrap(context: Context, operator: Operator): Promise<ExitCode> {
  const result = await operator.rewrapKeys();
  if ("failed" in result) return failed(context, result.failed);
  context.say(
    `private parts sealed under the key-encryption key in force: ${result.inRing} in the ring, ${result.files} files on this machine`,
  );
  context.say("hint: when no node logs trouble with its keys any more, keys.oldEncryptionKeyFile can go everywhere");
  return EXIT.done;
}
