/** Tokens of SoftHSM 2 in a folder of their own, and the module that has the faults of hardware on demand. */

import { execFileSync } from "node:child_process";
import type { KeyObject } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findOnPath, findProgram, skipWithout } from "../../scripts/system-program.ts";
import { SOFTHSM } from "../../scripts/test-programs.ts";
import { atExit } from "./at-exit.ts";

export const PIN = "4321-of-the-token";
const SECURITY_OFFICER_PIN = "8765-of-the-officer";

export type Fault = "gone" | "hang" | "kill" | "lost" | "unnamed" | "final-try" | "no-eddsa";

const FAULTY_SOURCE = join(import.meta.dirname, "faulty-pkcs11.c");
const MODULES = ["/usr/lib/softhsm", "/usr/lib/*/softhsm", "/usr/lib64", "/usr/lib64/{pkcs11,softhsm}", "/usr/local/lib/softhsm"];

const modulePath = globSync(MODULES.map((folder) => join(folder, "libsofthsm2.so")))[0];

function packageFolder(): string | undefined {
  try {
    const folder = dirname(fileURLToPath(import.meta.resolve("pkcs11js/package.json")));
    return existsSync(join(folder, "build/Release/pkcs11.node")) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** For tap's `skip`: what is missing, else false. */
export const skipWithoutSoftHsm = reasonToSkip();

function reasonToSkip(): string | false {
  const missing = skipWithout(SOFTHSM);
  if (missing !== false) return missing;
  if (modulePath === undefined) return "no libsofthsm2.so found";
  return packageFolder() === undefined && "the package pkcs11js is not installed or not built (it needs a C++ compiler and Python)";
}

/** For the faults: a C compiler as well. */
export const skipWithoutFaults =
  skipWithoutSoftHsm === false ? findOnPath("cc") === undefined && "no cc found on the PATH" : skipWithoutSoftHsm;

export class SoftHsm {
  readonly folder: string;
  readonly modulePath: string;
  /** Of a process that loads the module. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #faultFile: string;
  readonly #loginsFile: string;

  /** With `faults` its module has them; needs what `skipWithoutFaults` says. */
  constructor({ faults = false } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "mintmark-softhsm-"));
    atExit(() => this.remove());
    this.#faultFile = join(this.folder, "fault");
    this.#loginsFile = join(this.folder, "logins");
    const tokens = join(this.folder, "tokens");
    const configuration = join(this.folder, "softhsm2.conf");
    mkdirSync(tokens);
    writeFileSync(
      configuration,
      `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
    );
    this.modulePath = faults ? this.#buildFaulty() : (modulePath ?? "");
    this.environment = {
      SOFTHSM2_CONF: configuration,
      FAULTY_PKCS11_MODULE: modulePath ?? "",
      FAULTY_PKCS11_FILE: this.#faultFile,
      FAULTY_PKCS11_LOGINS: this.#loginsFile,
    };
  }

  addToken(label: string): { readonly slotId: number; readonly serial: string } {
    this.run("--init-token", "--free", "--label", label, "--so-pin", SECURITY_OFFICER_PIN, "--pin", PIN);
    const slot = this.run("--show-slots")
      .split(/^Slot /m)
      .find((text) => text.includes(`Label:            ${label} `));
    const [, slotId, serial = ""] = /^(\d+)[^]*Serial number: +(\w+)/.exec(slot ?? "") ?? [];
    return { slotId: Number(slotId), serial };
  }

  /** A key that an operator made by other means; `id` in hexadecimal digits. */
  importKey(token: string, key: KeyObject, { label, id, more = [] }: { label: string; id: string; more?: readonly string[] }): void {
    const file = join(this.folder, "import.pem");
    writeFileSync(file, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    this.run("--import", file, "--token", token, "--label", label, "--id", id, "--pin", PIN, ...more);
  }

  /** How often anybody tried a PIN; of a module with faults. */
  logins(): number {
    return existsSync(this.#loginsFile) ? statSync(this.#loginsFile).size : 0;
  }

  run(...args: readonly string[]): string {
    return execFileSync(findProgram(SOFTHSM) ?? "", args, { encoding: "utf8", env: { ...process.env, ...this.environment } });
  }

  begin(fault: Fault): void {
    writeFileSync(this.#faultFile, fault);
  }

  /** After "hang" was begun: whether a call hangs. */
  isHanging(): boolean {
    return existsSync(this.#faultFile) && readFileSync(this.#faultFile, "utf8") === "hanging";
  }

  end(): void {
    rmSync(this.#faultFile, { force: true });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #buildFaulty(): string {
    const library = join(this.folder, "faulty.so");
    const includes = join(packageFolder() ?? "", "includes");
    execFileSync("cc", ["-shared", "-fPIC", "-I", includes, "-o", library, FAULTY_SOURCE, "-ldl"]);
    return library;
  }
}
