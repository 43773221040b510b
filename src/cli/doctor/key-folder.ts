import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { StoreFinding } from "../../domain/ports.ts";
import type { KeyListing } from "../../issuer/types.ts";
import { printable } from "../text.ts";

/** What is no private part: the folder's own files and the copy of the ring. */
const OPEN_TO_ALL = new Set(["README.md", ".gitignore", "ring.json"]);
const KEY_FILE = /\.(?:json|jwe)$/u;
const SHOWN_NAMES = 3;

/** Who may read and write the private parts. Names and modes only; nothing is opened. */
export async function inspectKeyFolder(config: Config): Promise<StoreFinding[]> {
  const subject = "key folder";
  const { directory } = config.keys;
  try {
    const folder = await stat(directory);
    if (!folder.isDirectory()) return [{ severity: "fault", subject, finding: "keys.store names no folder", advice: "name a folder" }];
    const names = (await readdir(directory)).filter((name) => !OPEN_TO_ALL.has(name));
    const files = await Promise.all(names.map(async (name) => ({ name, ...(await modeOf(join(directory, name))) })));
    const findings = [
      ...openFolder(folder.mode),
      ...openFiles(files.filter(({ mode }) => (mode & 0o077) !== 0).map(({ name }) => name)),
      ...foreignFiles(files.filter(({ uid }) => uid !== folder.uid).map(({ name }) => name)),
    ];
    if (findings.length > 0) return findings;
    return [{ severity: "ok", subject, finding: `${files.length} private parts, readable for their owner only` }];
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (code === "ENOENT") return [{ severity: "hint", subject, finding: "it does not exist yet", advice: "a first start makes it" }];
    return [{ severity: "fault", subject, finding: `it can't be read (${code})`, advice: "run doctor as the user the server runs as" }];
  }
}

/** Files of before are an interrupted command's: what a running one writes now, its ring names in a moment. */
const UNNAMED_AFTER_MILLIS = 60_000;

/** Key files that the ring doesn't name. Where a store lost its ring, they would be taken for keys that signed. */
export async function inspectUnnamedKeys(config: Config, keys: readonly KeyListing[], now: number): Promise<StoreFinding[]> {
  if (keys.length === 0) return [];
  const named = new Set(keys.map(({ kid }) => kid));
  const { directory } = config.keys;
  const names = await readdir(directory).catch(() => []);
  const unnamed = names.filter((name) => KEY_FILE.test(name) && !OPEN_TO_ALL.has(name) && !named.has(name.replace(KEY_FILE, "")));
  // One that is gone meanwhile is nobody's.
  const changedAt = await Promise.all(
    unnamed.map((name) =>
      stat(join(directory, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => now,
      ),
    ),
  );
  const old = unnamed.filter((_, index) => now - (changedAt[index] ?? now) > UNNAMED_AFTER_MILLIS);
  if (old.length === 0) return [];
  const finding = `the ring does not name ${listed(old)}: a command was interrupted, or another issuer's ring does`;
  const advice = "remove them where no other issuer has this folder: a store that lost its ring would take them for keys that signed";
  return [{ severity: "hint", subject: "key folder", finding, advice }];
}

async function modeOf(path: string): Promise<{ mode: number; uid: number }> {
  const { mode, uid } = await stat(path);
  return { mode, uid };
}

/** A folder that others may read shows them names; one that they may write lets them exchange keys. */
function openFolder(mode: number): StoreFinding[] {
  if ((mode & 0o022) === 0) return [];
  const severity = (mode & 0o002) === 0 ? "warning" : "fault";
  return [{ severity, subject: "key folder", finding: "others than its owner may write to it", advice: "chmod 0700" }];
}

function openFiles(names: readonly string[]): StoreFinding[] {
  if (names.length === 0) return [];
  const finding = `others than the owner may use ${listed(names)}`;
  const advice = 'chmod 0600, and revoke the keys if anyone may have read them: mintmark keys revoke KID --reason "…"';
  return [{ severity: "fault", subject: "key folder", finding, advice }];
}

function foreignFiles(names: readonly string[]): StoreFinding[] {
  if (names.length === 0) return [];
  const finding = `${listed(names)} belong to another user than the folder`;
  return [{ severity: "warning", subject: "key folder", finding, advice: "chown them to the user the server runs as" }];
}

function listed(names: readonly string[]): string {
  const more = names.length - SHOWN_NAMES;
  return printable(names.slice(0, SHOWN_NAMES).join(", ")) + (more > 0 ? ` and ${more} more` : "");
}
