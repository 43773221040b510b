/** Facts about the folder and the file, for `doctor` and the start. */

import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { StoreFinding } from "../../domain/ports.ts";

const LOW_SPACE_BYTES = 256 * 1024 * 1024;
const NO_SPACE_BYTES = 8 * 1024 * 1024;
const SLOW_WRITE_MILLIS = 100;

/** statfs(2) types on which WAL's shared memory doesn't work between machines. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
]);

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, "0");

function permissions(subject: string, mode: number, forbidden: number, wanted: string): StoreFinding {
  if ((mode & forbidden) === 0) return { severity: "ok", subject, finding: `mode ${octal(mode)}` };
  return { severity: "warning", subject, finding: `mode ${octal(mode)} is too open`, advice: `chmod ${wanted}` };
}

function space(freeBytes: number): StoreFinding {
  const finding = `${Math.floor(freeBytes / (1024 * 1024))} MiB free`;
  if (freeBytes >= LOW_SPACE_BYTES) return { severity: "ok", subject: "disk space", finding };
  const severity = freeBytes < NO_SPACE_BYTES ? "fault" : "warning";
  return { severity, subject: "disk space", finding, advice: "make room: a full disk stops every login and refresh" };
}

function fileSystem(type: number): StoreFinding {
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network === undefined) return { severity: "ok", subject: "file system", finding: "local" };
  const finding = `${network}: several machines on one file would damage it`;
  return { severity: "warning", subject: "file system", finding, advice: "use a local disk, or Redis for several machines" };
}

export function latency(writeMillis: number): StoreFinding {
  const finding = `a durable write took ${writeMillis} ms`;
  if (writeMillis < SLOW_WRITE_MILLIS) return { severity: "ok", subject: "latency", finding };
  return { severity: "hint", subject: "latency", finding, advice: "use a faster disk" };
}

/** Reads names and modes only; the file itself is never opened beside SQLite. Throws the file system's error. */
export function inspectFiles(file: string): StoreFinding[] {
  const { bavail, bsize, type } = statfsSync(dirname(file));
  return [
    { severity: "ok", subject: "version", finding: `SQLite ${process.versions.sqlite ?? "unknown"}` },
    { severity: "ok", subject: "durability", finding: "WAL, synchronous FULL: what is acknowledged is on the disk" },
    permissions("folder", statSync(dirname(file)).mode, 0o022, "0700"),
    permissions("file", statSync(file).mode, 0o077, "0600"),
    fileSystem(type),
    space(bavail * bsize),
  ];
}
