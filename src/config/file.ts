import { open } from "node:fs/promises";
import { constants } from "node:fs";
import { resolve } from "node:path";
import { parseStrictJson } from "../domain/json.ts";
import type { Environment } from "./environment.ts";
import type { ConfigFault } from "./place.ts";

const DEFAULT_NAME = "mintmark.config.json";
const LARGEST_BYTES = 8 * 1024 * 1024;

export type ConfigFile =
  | { readonly kind: "none" }
  | { readonly kind: "read"; readonly path: string; readonly document: unknown }
  | { readonly kind: "fault"; readonly path: string | undefined; readonly fault: ConfigFault };

/** Reads the file named by the environment, or `mintmark.config.json` where there is one. */
export async function readConfigFile(environment: Environment, workingDirectory: string): Promise<ConfigFile> {
  const named = environment["MINTMARK_CONFIG"];
  if (named?.includes("\0"))
    return { kind: "fault", path: undefined, fault: { path: "MINTMARK_CONFIG", message: "expected the path of a file" } };
  const path = resolve(workingDirectory, named || DEFAULT_NAME);
  const fault = (message: string): ConfigFile => ({
    kind: "fault",
    path,
    fault: { path: named ? "MINTMARK_CONFIG" : DEFAULT_NAME, message },
  });
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readRegular(path);
  } catch (error) {
    if (!named && isMissing(error)) return { kind: "none" };
    return fault("names no file that can be read: check that it is there and who may read it");
  }
  if (bytes === undefined) return fault("expected a file of at most 8 MiB");
  const text = decode(bytes);
  if (text === undefined) return fault("expected UTF-8");
  const json = parseStrictJson(text);
  return json.ok ? { kind: "read", path, document: json.value } : fault(`the file is not strict JSON: ${json.message}`);
}

async function readRegular(path: string): Promise<Uint8Array | undefined> {
  // Not blocking: a named pipe without a writer would hold the start.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const facts = await file.stat();
  return facts.isFile() && facts.size <= LARGEST_BYTES ? await file.readFile() : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
