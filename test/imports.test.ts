/** Holds the import rules of DESIGN "Layout": who may import whom, and where time, randomness and the process are touched. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import t from "tap";

const source = join(dirname(import.meta.dirname), "src");

/** What a unit (a folder of src, or a file beside them) may import besides itself. */
const rules: Readonly<Record<string, readonly string[]>> = {
  main: ["compose", "config", "http", "cli"],
  index: ["compose", "config", "http", "domain"],
  compose: ["config", "domain", "issuer", "jws", "stores", "signers", "platform", "verifier"],
  config: ["domain"],
  http: ["issuer", "domain"],
  cli: ["issuer", "config", "domain"],
  issuer: ["domain", "jws"],
  stores: ["domain"],
  signers: ["domain"],
  platform: ["domain"],
  jws: ["domain"],
  verifier: ["jws", "domain"],
  domain: [],
};

interface SourceFile {
  path: string;
  unit: string;
  /** Without comments; strings are kept. */
  code: string;
  /** Without comments and the insides of strings. */
  bare: string;
  specifiers: string[];
}

const token = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|(?<!\\)\/\/[^\n]*/g;
const specifier = /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g;

function parse(path: string, text: string): SourceFile {
  const code = text.replace(token, (_, string: string | undefined) => string ?? "");
  return {
    path,
    unit: (path.split("/")[0] ?? "").replace(/\.ts$/, ""),
    code,
    bare: code.replace(token, '""'),
    specifiers: Array.from(code.matchAll(specifier), (match) => match[1] ?? ""),
  };
}

function targetOf(file: SourceFile, name: string): string {
  return posix.normalize(posix.join(posix.dirname(file.path), name));
}

function unitOf(path: string): string {
  return (path.split("/")[0] ?? "").replace(/\.ts$/, "");
}

/** What a file's imports do against the rules, one text each. */
function importFaults(file: SourceFile): string[] {
  const allowed = rules[file.unit];
  if (allowed === undefined) return [`${file.path}: no rule says what ${file.unit} may import`];
  return file.specifiers.flatMap((name) => {
    const fault = (why: string): string[] => [`${file.path} imports ${name}: ${why}`];
    if (!name.startsWith(".")) return file.unit === "domain" ? fault("domain imports nothing from outside") : [];
    if (!name.endsWith(".ts")) return fault("a relative import ends in .ts");
    const target = targetOf(file, name);
    if (target.startsWith("..")) return fault("it is outside src");
    const unit = unitOf(target);
    if (unit !== file.unit && !allowed.includes(unit)) return fault(`${file.unit} may not import ${unit}`);
    const [from, to] = [file.path, target].map((path) => path.split("/"));
    const areSiblings = from !== undefined && to !== undefined && from.length > 2 && to.length > 2 && from[1] !== to[1];
    if (unit === file.unit && (unit === "stores" || unit === "signers") && areSiblings)
      return fault("siblings don't import each other's insides");
    return [];
  });
}

const clock = { only: "platform/clock.ts", what: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/ };
const random = { only: "platform/random.ts", what: /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/ };
/** The process that talks to a token is begun by another and only passes signals over: it has no main of its own. */
const ownProcesses: readonly string[] = ["main.ts", "signers/pkcs11/worker.ts"];
const processEnd = { only: "main.ts", what: /\bprocess\.(?:exit|exitCode|abort)\b|["']SIG(?:TERM|INT|HUP)["']/ };

/** Uses of time, randomness, signals and exit codes outside the one file that may. */
function useFaults(file: SourceFile): string[] {
  const faults = [clock, random]
    .filter(({ only, what }) => file.path !== only && what.test(file.bare))
    .map(({ only, what }) => `${file.path} uses ${what.exec(file.bare)?.[0]}: only ${only} may`);
  if (!ownProcesses.includes(file.path) && processEnd.what.test(file.code))
    faults.push(`${file.path} uses ${processEnd.what.exec(file.code)?.[0]}: only main.ts may`);
  if (file.unit === "domain" && /\b(?:async|await)\b/.test(file.bare)) faults.push(`${file.path}: domain is synchronous`);
  return faults;
}

/** The files on a first cycle found, in order, or undefined. */
function findCycle(files: readonly SourceFile[]): string[] | undefined {
  const edges = new Map(
    files.map((file) => [file.path, file.specifiers.filter((name) => name.startsWith(".")).map((name) => targetOf(file, name))]),
  );
  const done = new Set<string>();
  function visit(path: string, trail: readonly string[]): string[] | undefined {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of edges.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  }
  for (const path of edges.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => parse(relative(source, path).split(sep).join("/"), readFileSync(path, "utf8")));

t.test("every import in src follows the rules of DESIGN", async (t) => {
  t.ok(files.length > 0, "there are files");
  t.same(files.flatMap(importFaults), []);
});

t.test("time, randomness, signals and exit codes are each touched in one file", async (t) => {
  t.same(files.flatMap(useFaults), []);
});

t.test("there are no import cycles, type imports included", async (t) => {
  t.equal(findCycle(files), undefined);
});

t.test("each rule finds what it forbids", async (t) => {
  const faultsOf = (path: string, text: string): number => {
    const file = parse(path, text);
    return importFaults(file).length + useFaults(file).length;
  };
  const refused: [path: string, text: string][] = [
    ["http/a.ts", 'import { b } from "../stores/b.ts";'],
    ["http/a.ts", 'import type { B } from "../stores/b.ts";'],
    ["http/a.ts", 'import {\n  b,\n} from "../stores/b.ts";'],
    ["http/a.ts", 'export * from "../stores/b.ts";'],
    ["http/a.ts", 'import "../stores/b.ts";'],
    ["http/a.ts", 'const b = await import("../stores/b.ts");'],
    ["http/a.ts", 'let b: typeof import("../stores/b.ts");'],
    ["index.ts", 'import { b } from "./main.ts";'],
    ["compose.ts", 'import { b } from "./http/b.ts";'],
    ["compose/a.ts", 'import { b } from "../cli/b.ts";'],
    ["stores/redis/a.ts", 'import { b } from "../embedded/b.ts";'],
    ["domain/a.ts", 'import { b } from "node:crypto";'],
    ["domain/a.ts", 'import type { B } from "fastify";'],
    ["domain/a.ts", "export async function a() {}"],
    ["issuer/a.ts", 'import { b } from "./b.js";'],
    ["issuer/a.ts", 'import { b } from "./b";'],
    ["issuer/a.ts", 'import { b } from "../../test/b.ts";'],
    ["elsewhere/a.ts", "export const a = 1;"],
    ["issuer/a.ts", "const a = Date.now();"],
    ["issuer/a.ts", "const now = Date.now;"],
    ["issuer/a.ts", "const a = new Date();"],
    ["issuer/a.ts", "const a = Math.random();"],
    ["signers/a.ts", 'import { randomBytes } from "node:crypto";'],
    ["cli/a.ts", "process.exit(1);"],
    ["cli/a.ts", 'process.on("SIGTERM", stop);'],
  ];
  for (const [path, text] of refused) t.not(faultsOf(path, text), 0, `${path}: ${text}`);

  const accepted: [path: string, text: string][] = [
    ["http/a.ts", 'import { b } from "../issuer/b.ts";\nimport c from "fastify";'],
    ["http/a.ts", '// import { b } from "../stores/b.ts";\n/* Date.now() */'],
    ["issuer/a.ts", 'const url = "https://example.com"; const text = "uses Date.now";'],
    ["issuer/a.ts", "const a = new Date(now);"],
    ["platform/clock.ts", "export const clock = () => Date.now();"],
    ["platform/random.ts", 'import { randomBytes } from "node:crypto";'],
    ["main.ts", 'process.on("SIGTERM", stop); process.exitCode = 1;'],
  ];
  for (const [path, text] of accepted) t.equal(faultsOf(path, text), 0, `${path}: ${text}`);

  const a = parse("domain/a.ts", 'import type { B } from "./b.ts";');
  const b = parse("domain/b.ts", 'import { c } from "./c.ts";');
  const c = parse("domain/c.ts", 'export { a } from "./a.ts";');
  t.same(findCycle([a, b, c]), ["domain/a.ts", "domain/b.ts", "domain/c.ts", "domain/a.ts"]);
  t.equal(findCycle([a, b]), undefined);
});
