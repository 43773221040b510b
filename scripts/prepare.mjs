/**
 * Runs after `npm ci` in a clone and before `npm pack`, and by hand as `npm run build` (`--build`): makes Node.js 24
 * the `node` of npm scripts and builds `dist`. Plain JavaScript without dependencies: it runs on Node.js 20.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(root, "package.json"));
const wanted = Number.parseInt(readFileSync(join(root, ".nvmrc"), "utf8"), 10);
const dist = join(root, "dist");

const major = (version) => Number.parseInt(version.replace(/^v/, ""), 10);
const say = (text) => process.stderr.write(`prepare: ${text}\n`);

/** The version a binary answers, or undefined where it doesn't run (another libc, a broken link). */
function versionOf(binary) {
  try {
    return execFileSync(binary, ["-v"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 20_000 }).trim();
  } catch {
    return undefined;
  }
}

/** npm 10 removes `.bin/node`, since one of the two packages of tools/node24 never fits the machine: link it again. */
function linkNode() {
  if (major(process.version) >= wanted) return;
  const link = join(root, "node_modules", ".bin", "node");
  if (major(versionOf(link) ?? "0") >= wanted) return;
  const name = `node-${process.platform}-${process.arch}`;
  const places = [join(root, "node_modules", name), join(root, "tools", "node24", "node_modules", name)];
  const binary = places.map((place) => join(place, "bin", "node")).find((path) => major(versionOf(path) ?? "0") >= wanted);
  if (binary === undefined) {
    say(
      `mintmark runs on Node.js ${wanted}; this is ${process.version} and no binary for ${process.platform} ${process.arch} came with the packages.`,
    );
    say(`Install Node.js ${wanted} (https://nodejs.org, or "nvm install" here) and run npm ci again.`);
    return;
  }
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), binary), link);
  say(`linked Node.js ${versionOf(link)} as the node of npm scripts`);
}

/** Every file and folder under a folder. */
function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...walk(path)] : [path];
  });
}

function isFresh(source) {
  if (!existsSync(join(dist, "main.js"))) return false;
  const built = statSync(dist).mtimeMs;
  const inputs = [
    source,
    ...walk(source),
    ...["package-lock.json", "tsconfig.json", "tsconfig.build.json"].map((name) => join(root, name)),
  ];
  return inputs.every((path) => !existsSync(path) || lstatSync(path).mtimeMs < built);
}

/** dist is made beside its place and renamed into it, so that a running reader meets the old or the new one. */
function build(force) {
  const source = join(root, "src");
  if (!existsSync(join(source, "main.ts"))) return say("no src/main.ts: nothing to build");
  if (!force && isFresh(source)) return;
  const typescript = existsSync(join(root, "node_modules", "typescript")) ? dirname(require.resolve("typescript/package.json")) : undefined;
  if (typescript === undefined)
    return say("no TypeScript (installed without dev dependencies): dist is not built; npm start doesn't need it");

  const fresh = join(root, `dist.new-${process.pid}`);
  const old = join(root, `dist.old-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  const tsc = spawnSync(process.execPath, [join(typescript, "bin", "tsc"), "-p", "tsconfig.build.json", "--outDir", fresh], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (!existsSync(join(fresh, "main.js"))) {
    rmSync(fresh, { recursive: true, force: true });
    say("tsc wrote nothing: dist is not built");
    process.exit(1);
  }
  for (const path of walk(source)) {
    const isAsset = lstatSync(path).isFile() && extname(path) !== ".ts" && extname(path) !== ".md";
    if (!isAsset) continue;
    const target = join(fresh, relative(source, path));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
  // npm does it only where it links the command for the first time; npx goes on using that link after another build.
  chmodSync(join(fresh, "main.js"), 0o755);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
  if (tsc.status === 0) return;
  say("the types have faults; dist was written all the same");
  // A clone in the middle of an edit may install; nothing with faults is built on purpose or packed.
  if (force) process.exit(1);
}

linkNode();
build(process.argv.includes("--build") || process.env.npm_command === "pack" || process.env.npm_command === "publish");
