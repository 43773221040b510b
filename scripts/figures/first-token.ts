/**
 * From an empty clone to the first token, with the commands of the README: seconds, and the files that appeared.
 * `node scripts/figures/first-token.ts [--from clone|tree]`: the last commit, or the working tree as it is.
 */

import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { freePort } from "../../test/support/redis.ts";
import { startChild } from "./support/child.ts";
import { HttpClient } from "./support/http.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { until } from "./support/wait.ts";
import { mustLogIn } from "./support/tokens.ts";

const ROOT = join(import.meta.dirname, "../..");
const PASSWORD = "the very first password";
const START_MILLIS_MAX = 60_000;
/** What a build makes: counted, not listed. */
const MADE = ["node_modules", "dist"];

interface Counts {
  /** Seconds. */
  readonly took: Readonly<Record<"install" | "start" | "addUser" | "logIn" | "total", number>>;
  /** Besides node_modules and dist. */
  readonly appeared: readonly string[];
}

async function firstToken(from: "clone" | "tree"): Promise<Counts> {
  const directory = mkdtempSync(join(tmpdir(), "mintmark-clone-"));
  const clone = join(directory, "mintmark");
  if (from === "clone") execFileSync("git", ["clone", "--quiet", ROOT, clone]);
  else copyTree(clone);
  const before = new Set(filesOf(clone));
  const port = await freePort();
  const env = { ...process.env, MINTMARK_PORT: String(port), MINTMARK_OPS_PORT: "0", npm_config_update_notifier: "false" };
  const marks = [performance.now()];
  const mark = (): void => void marks.push(performance.now());

  await run(clone, env, ["npm", "ci"]);
  mark();
  const server = startChild("npm", ["start"], { cwd: clone, env });
  const client = new HttpClient(`http://127.0.0.1:${port}`);
  try {
    await until("npm start", () => isReady(client), START_MILLIS_MAX).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${server.tail()}`);
    });
    mark();
    await run(clone, env, ["npx", "mintmark", "users", "add", "ada", "--password-stdin"], `${PASSWORD}\n`);
    mark();
    await mustLogIn(client, "ada", PASSWORD);
    mark();
    const appeared = filesOf(clone).filter((file) => !before.has(file));
    const [install = 0, start = 0, addUser = 0, logIn = 0] = marks.slice(1).map((mark, index) => tenths(mark - (marks[index] ?? 0)));
    return { took: { install, start, addUser, logIn, total: tenths((marks.at(-1) ?? 0) - (marks[0] ?? 0)) }, appeared };
  } finally {
    client.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What git has or would take, as it is now. */
function copyTree(clone: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
  const files = new Set(listed.split("\0").filter((file) => file !== ""));
  cpSync(ROOT, clone, {
    recursive: true,
    filter: (source) => {
      const path = relative(ROOT, source);
      if (path === "" || files.has(path)) return true;
      return !MADE.includes(path) && path !== ".git" && [...files].some((file) => file.startsWith(`${path}/`));
    },
  });
}

async function isReady(client: HttpClient): Promise<boolean> {
  return (await client.send({ method: "GET", path: "/readyz" })).status === 200;
}

function run(cwd: string, env: NodeJS.ProcessEnv, [command = "", ...args]: readonly string[], input = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["pipe", "ignore", "inherit"] });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(" ")} ended with ${code}`))));
    child.stdin.end(input);
  });
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => ![...MADE, ".git"].includes(path.split("/")[0] ?? ""))
    .toSorted();
}

function tenths(millis: number): number {
  return Math.round(millis / 100) / 10;
}

if (import.meta.main) {
  await report(async () => {
    const { from } = readOptions({ from: "clone" });
    const counts = await firstToken(oneOf("from", from, ["clone", "tree"]));
    return { counts: { figure: "first-token", ...counts }, good: true };
  });
}
