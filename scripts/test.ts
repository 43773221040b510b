/** `npm test [files]`: the whole suite or some files of it; see INTERFACE "Commands" for what it promises. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findOpenBao, installOpenBao, OPENBAO } from "./openbao.ts";
import { findProgram, installProgram } from "./system-program.ts";
import { createTapReport, totalsText } from "./tap-report.ts";
import { CHROMIUM, OPENSSL, REDIS_SERVER, SOFTHSM } from "./test-programs.ts";

const root = dirname(import.meta.dirname);
const tap = join(dirname(fileURLToPath(import.meta.resolve("tap/package.json"))), "dist", "esm", "run.mjs");
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** tap writes its plugins into its own package; after a fresh install the first run would do it, and fail. */
function buildTapOnce(): void {
  const mark = join(root, "node_modules", "@tapjs", "test", ".built-by-mintmark");
  if (existsSync(mark)) return;
  const built = spawnSync(process.execPath, [tap, "build"], { cwd: root, stdio: ["ignore", "ignore", 2] });
  if (built.status === 0) writeFileSync(mark, "");
}

/** A file by itself, a folder as its test files. tap would pass over a name that isn't there. */
function filesOf(path: string): string[] {
  if (!existsSync(path)) {
    say(`no such test file: ${path}`);
    say(totalsText({ passed: 0, failed: 1, skipped: 0 }));
    process.exit(1);
  }
  return statSync(path).isDirectory() ? globSync(join(path, "**", "*.test.ts")) : [path];
}

function runTap(args: string[]): Promise<{ status: number; text: string }> {
  const report = createTapReport(say);
  const child = spawn(process.execPath, [tap, "run", "--reporter=tap", ...args], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => report.line(line));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const output = new Promise<void>((done) => lines.on("close", () => done()));
  const exit = new Promise<number>((done) => child.on("close", (code) => done(code ?? 1)));
  return Promise.all([exit, output]).then(([code]) => {
    for (const skip of report.skips()) say(`skipped ${skip}`);
    const totals = report.totals() ?? { passed: 0, failed: 0, skipped: 0 };
    const isBad = code !== 0 || totals.passed === 0;
    // Whatever goes wrong outside a test is a failure too: the last line never contradicts the exit code.
    const failed = isBad ? Math.max(totals.failed, 1) : totals.failed;
    return { status: failed > 0 ? 1 : 0, text: totalsText({ ...totals, failed }) };
  });
}

const args = process.argv.slice(2);
const withCoverage = args.includes("--coverage");
const files = args.filter((arg) => arg !== "--coverage").flatMap(filesOf);

// What only some tests need is not for a few files that need none; a browser is large.
const needs = (isTheirs: (file: string) => boolean): boolean => files.length === 0 || files.some((file) => isTheirs(resolve(file)));
const needsBrowser = needs((file) => file.startsWith(join(root, "test", "browser")));
const needsToken = needs((file) => file.includes("pkcs11"));
for (const program of [REDIS_SERVER, OPENSSL, ...(needsBrowser ? [CHROMIUM] : []), ...(needsToken ? [SOFTHSM] : [])]) {
  const path = findProgram(program) ?? installProgram(program, say);
  if (path !== undefined) process.env[program.variable] = path;
}
const needsOpenBao = files.length === 0 || files.some((file) => file.includes("vault"));
const openBao = needsOpenBao ? (findOpenBao() ?? installOpenBao(say)) : undefined;
if (openBao !== undefined) process.env[OPENBAO.variable] = openBao;
buildTapOnce();

const jobs = Math.max(2, Math.min(4, availableParallelism()));
const coverage = withCoverage ? ["--no-disable-coverage", "--allow-incomplete-coverage", "--coverage-report=text"] : [];
const { status, text } = await runTap([`--jobs=${jobs}`, ...coverage, ...files]);
say(text);
process.exitCode = status;
