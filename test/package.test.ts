/** The packed tarball, installed beside its dependencies and nothing else, works: import, command line, server on both stores. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { freePort, skipWithoutRedis, startRedis } from "./support/redis.ts";

const root = dirname(import.meta.dirname);
const run = promisify(execFile);

/** tap puts its hooks into the NODE_OPTIONS of every child, which the package must not need and tsc doesn't run under. */
function plain(...command: string[]): [file: string, args: string[]] {
  return ["env", ["-u", "NODE_OPTIONS", ...command]];
}

interface Manifest {
  bin: { mintmark: string };
  dependencies: Record<string, string>;
}

/** A folder with node_modules/mintmark from the tarball and links to what its package.json lists: a registry isn't asked. */
async function install(folder: string): Promise<string> {
  await run(...plain("npm", "pack", "--silent", "--pack-destination", folder), { cwd: root, env: environment({}) });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  const modules = join(folder, "node_modules");
  const installed = join(modules, "mintmark");
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", join(folder, tarball), "-C", installed, "--strip-components=1"]);
  const { dependencies }: Manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  return installed;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => lstatSync(join(folder, name)).isFile());
}

/** The environment without what would reach the package from outside. */
function environment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const outside = Object.entries(process.env).filter(([name]) => !/^(MINTMARK_|NODE_OPTIONS|NODE_ENV|TAP|_TAPJS)/.test(name));
  return { ...Object.fromEntries(outside), ...extra };
}

t.test("the packed tarball", async (t) => {
  // Outside the project, so that nothing is found in its node_modules by walking up.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "mintmark-package-")));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const installed = await install(folder);
  const manifest: Manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const bin = join(installed, manifest.bin.mintmark);

  t.test("holds built files, types, every asset of src, and the schema, but no sources or keys", async (t) => {
    const files = filesOf(installed);
    for (const name of ["LICENSE", "CHANGELOG.md", "mintmark.schema.json", "dist/main.js", "dist/index.js", "dist/index.d.ts"])
      t.ok(files.includes(name), name);
    const assets = filesOf(join(root, "src")).filter((name) => ![".ts", ".md"].includes(extname(name)));
    for (const name of assets) t.ok(files.includes(join("dist", name)), name);
    t.same(
      files.filter((name) => (name.endsWith(".ts") && !name.endsWith(".d.ts")) || /^(keys|data|test|src)\b/.test(name)),
      [],
    );
  });

  t.test("can be imported by its name", async (t) => {
    const script = 'import * as mintmark from "mintmark"; console.log(JSON.stringify(Object.keys(mintmark)));';
    const { stdout } = await run(...plain(process.execPath, "--input-type=module", "--eval", script), {
      cwd: folder,
      env: environment({}),
    });
    t.ok(JSON.parse(stdout).includes("createIssuer"));
  });

  t.test("answers --help, and starts with a line that finds node", async (t) => {
    const { stdout } = await run(...plain(process.execPath, bin, "--help"), { cwd: folder, env: environment({}) });
    t.match(stdout, /Usage: mintmark/);
    t.match(readFileSync(bin, "utf8"), /^#!\/usr\/bin\/env node\n/);
  });

  async function serves(t: Test, store: string): Promise<void> {
    const port = await freePort();
    const env = environment({ MINTMARK_PORT: String(port), MINTMARK_OPS_PORT: "false", MINTMARK_STORE: store });
    const server = spawn(...plain(process.execPath, bin, "serve"), { cwd: t.testdir(), env, stdio: ["ignore", "ignore", "pipe"] });
    t.teardown(() => server.kill("SIGKILL"));
    const exit = once(server, "exit");
    const said: string[] = [];
    const isListening = await new Promise<boolean>((resolve) => {
      createInterface({ input: server.stderr })
        .on("line", (line) => {
          said.push(line);
          if (line.includes("listening on")) resolve(true);
        })
        .on("close", () => resolve(false));
    });
    if (!isListening) throw new Error(`the server ended: ${said.join("\n")}`);
    const response = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`);
    t.equal(response.status, 200);
    const { keys } = (await response.json()) as { keys: { alg: string }[] };
    t.same([...new Set(keys.map(({ alg }) => alg))].toSorted(), ["ES256", "EdDSA"]);
    server.kill("SIGTERM");
    t.same(await exit, [0, null]);
  }

  t.test("serves on the embedded store", (t) => serves(t, "embedded:./data"));

  t.test("serves on Redis", { skip: skipWithoutRedis }, async (t) => {
    const redis = await startRedis({ config: { appendonly: "yes" } });
    t.teardown(() => redis.remove());
    await serves(t, redis.url);
  });
});
