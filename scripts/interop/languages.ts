/** Surroundings by language: packages at the versions of their lock files, in a folder under node_modules/.cache. */

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openHost } from "./host.ts";
import { findOnPath } from "../system-program.ts";
import { installFromDebian, run } from "./system.ts";
import type { Ran } from "./system.ts";
import type { PrepareSurrounding } from "./types.ts";

const ROOT = join(import.meta.dirname, "../..");
const SOURCES = join(ROOT, "test/interop/strangers");
const WORK = join(ROOT, "node_modules/.cache/mintmark-interop");

type Language = "npm" | "python" | "go" | "java" | "perl" | "ruby";
/** Makes the packages ready in the folder; the command that runs the host, or what is missing. */
type Prepare = (folder: string) => Promise<readonly string[] | string>;

const PREPARE: Readonly<Record<Language, Prepare>> = {
  async npm(folder) {
    const npm = findOnPath("npm");
    if (npm === undefined) return "no npm";
    const isThere = await once(folder, "package-lock.json", () => run(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder));
    return isThere ? [process.execPath, "host.mjs"] : "its packages could not be installed by npm";
  },

  async python(folder) {
    const python = findOnPath("python3");
    if (python === undefined) return "no python3";
    const own = join(folder, "venv/bin/python");
    const isThere = await once(folder, "requirements.txt", async () => {
      const made = await run(python, ["-m", "venv", "venv"], folder);
      return made.isGood ? run(own, ["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"], folder) : made;
    });
    return isThere ? [own, "host.py"] : "its packages could not be installed by pip into a venv";
  },

  async go(folder) {
    const go = findOnPath("go");
    if (go === undefined) return "no go";
    const env = { ...process.env, GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "local" };
    const { isGood } = await run(go, ["build", "-o", "host", "."], folder, env);
    return isGood ? [join(folder, "host")] : "its modules could not be built (go.mod says which Go it needs)";
  },

  async java(folder) {
    const [java, maven] = [findOnPath("java"), findOnPath("mvn")];
    if (java === undefined || maven === undefined) return "no JDK with Maven";
    const goal = ["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
    const fetchJars = (): Promise<Ran> => {
      // All of lib is the class path: no jar of another version may stay.
      rmSync(join(folder, "lib"), { recursive: true, force: true });
      return run(maven, goal, folder);
    };
    if (!(await once(folder, "pom.xml", fetchJars))) return "its packages could not be had by Maven";
    return [java, "-XX:TieredStopAtLevel=1", "-cp", "lib/*", "Host.java"];
  },

  async perl(folder) {
    return fromDebian(folder, "perl", ["-MCrypt::JWT", "-e", "1"], ["perl", "libcrypt-jwt-perl"], ["host.pl"]);
  },

  async ruby(folder) {
    return fromDebian(folder, "ruby", ["-rjwt", "-e", "1"], ["ruby", "ruby-jwt"], ["host.rb"]);
  },
};

/** An interpreter that can load its library, from Debian's packages where it is not there. */
async function fromDebian(
  folder: string,
  interpreter: string,
  probe: readonly string[],
  packages: readonly string[],
  host: readonly string[],
) {
  const canLoad = async (): Promise<string | undefined> => {
    const found = findOnPath(interpreter);
    return found !== undefined && (await run(found, probe, folder)).isGood ? found : undefined;
  };
  const program = (await canLoad()) ?? ((await installFromDebian(packages)) ? await canLoad() : undefined);
  return program === undefined ? `no ${packages.join(", ")} from Debian` : [program, ...host];
}

/** Installs where it was not done yet for this very lock file. */
async function once(folder: string, lockFile: string, install: () => Promise<Ran>): Promise<boolean> {
  const mark = join(folder, ".installed");
  const wanted = createHash("sha256")
    .update(readFileSync(join(folder, lockFile)))
    .digest("hex");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return true;
  const { isGood } = await install();
  if (isGood) writeFileSync(mark, wanted);
  return isGood;
}

export function prepareLanguage(language: Language): PrepareSurrounding {
  return async () => {
    const folder = join(WORK, language);
    mkdirSync(folder, { recursive: true });
    cpSync(join(SOURCES, language), folder, { recursive: true, filter: (source) => basename(source) !== "node_modules" });
    const prepared = await PREPARE[language](folder);
    return typeof prepared === "string" ? { missing: prepared } : (setting) => openHost(prepared, folder, setting);
  };
}
