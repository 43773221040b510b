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
import { printable } from "./text.ts";

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
  const read = source === "-" ? await readStream(context.streams.stdin) : await readFile(context, source);
  if ("fault" in read) return failed(context, `${source === "-" ? "stdin" : printable(source)}: ${read.fault}`);
  const [edName] = operator.ringAlgorithms("EdDSA");
  return operator.importKey({ from: "text", text: read.text, edName: edName === "Ed25519" ? "Ed25519" : "EdDSA" });
}

type Read = { readonly text: string } | { readonly fault: string };

const TOO_LARGE: Read = { fault: "is too large for a key" };

async function readFile({ dependencies }: Context, source: string): Promise<Read> {
  try {
    // Not to wait for ever on what turns out to be a pipe.
    await using file = await open(resolve(dependencies.workingDirectory, source), constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (facts.isDirectory()) return { fault: "is a folder; one key is taken in at a time: name its file" };
    if (!facts.isFile()) return { fault: 'is no file; "-" reads a key from stdin' };
    return facts.size > MAX_TEXT_BYTES ? TOO_LARGE : { text: await file.readFile("utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (code === "ENOENT") return { fault: missingText(source) };
    return { fault: `can't be read (${code}); see that it is a file and who may read it` };
  }
}

/** What it seems to be that no file is called. */
function missingText(source: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return "nothing is fetched from a URL: name a file, or pipe the key in and name it -";
  if (!/^[a-z][a-z0-9+.-]*:/i.test(source)) return "there is no such file";
  return `is neither a file nor the URI of a key in a custodian (${CUSTODIAN_SCHEMES.map((scheme) => `${scheme}:`).join(", ")})`;
}

async function readStream(input: Input): Promise<Read> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    length += chunk.length;
    if (length > MAX_TEXT_BYTES) return TOO_LARGE;
  }
  return { text: Buffer.concat(chunks).toString("utf8") };
}

export function rewrapKeys(context: Context): Promise<ExitCode> {
  return withConfig(context, async (config) => {
    if (config.keys.encryptionKey === undefined)
      return wrongUse(
        context,
        "there is no key-encryption key to seal under",
        "keys.encryptionKeyFile or MINTMARK_KEY_ENCRYPTION_KEY gives it",
      );
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
