/** Documents say what the code does: errors, routes, metrics, events, commands and links are compared, not believed. */

import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { parseConfig } from "../src/config.ts";
import { buildApp } from "../src/http/app.ts";
import { SERVER_ERROR } from "../src/http/failures.ts";
import { ERROR_MEANINGS } from "../src/http/openapi/errors.ts";
import { REFUSAL_STATUS } from "../src/http/refuse.ts";
import { createMetrics } from "../src/platform/metrics.ts";
import { commandLine } from "./support/command-line.ts";
import { fakeIssuer } from "./support/fake-issuer.ts";
import { routesOf } from "./support/routes.ts";

const root = dirname(import.meta.dirname);
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The rows of the tables under a heading, without their heads, as cells. */
function rows(path: string, heading: string): string[][] {
  const section = read(path).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const lines = section.split("\n");
  return lines
    .filter((line, index) => line.startsWith("| `") && !lines[index + 1]?.startsWith("| ---"))
    .map((line) =>
      line
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
}

/** What stands in backquotes. */
const quoted = (text = ""): string[] => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");

t.test("the table of errors is the table of the code", async (t) => {
  const documented = rows("docs/http.md", "Errors").map(([error, status]) => [quoted(error)[0], Number(status)]);
  const coded = [...Object.entries(REFUSAL_STATUS), ["not_found", 404], [SERVER_ERROR.error, SERVER_ERROR.status]];
  t.strictSame(new Map(documented as [string, number][]), new Map(coded as [string, number][]));
  t.equal(documented.length, coded.length, "each once");
  const meanings = rows("docs/http.md", "Errors").map(([error, , when]) => [quoted(error)[0], when]);
  t.strictSame(Object.fromEntries(meanings), ERROR_MEANINGS, "the API description says the same");
});

t.test("the table of routes is what the issuer answers to", async (t) => {
  const app = buildApp({ issuer: fakeIssuer(), random: randomBytes });
  t.teardown(() => app.close());
  await app.ready();
  const documented = new Set(rows("docs/http.md", "Routes").map(([route]) => quoted(route)[0] ?? ""));
  t.strictSame([...documented].sort(), [...routesOf(app)].sort());
});

t.test("the table of metrics is what is exported", async (t) => {
  const exported = [...(await createMetrics().text()).matchAll(/^# TYPE (mintmark_\w+) /gm)].map((match) => match[1] ?? "");
  const documented = rows("docs/operating.md", "Metrics").map(([name]) => quoted(name)[0] ?? "");
  t.strictSame(documented.sort(), exported.sort());
});

t.test("the table of the log has every event that is written", async (t) => {
  const events = [...read("src/domain/events.ts").matchAll(/readonly event: "(\w+)"/g)].map((match) => match[1] ?? "");
  const adapters = [...read("src/compose.ts").matchAll(/logger\.\w+\("(\w+)"/g)].map((match) => match[1] ?? "");
  const counted = ["client_credentials", "keys"];
  t.ok(events.length > 10 && adapters.length === 5, "the patterns still find them");
  const written = [...events.filter((event) => !counted.includes(event)), ...adapters];
  const documented = rows("docs/operating.md", "The log").map(([event]) => quoted(event)[0] ?? "");
  t.strictSame(documented.sort(), written.sort());
});

t.test("npm commands in the documents are scripts of the package", async (t) => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const path of documents) {
    const named = [...read(path).matchAll(/\bnpm (?:run (\w[\w:-]*)|(start|test)\b)/g)].map((match) => match[1] ?? match[2] ?? "");
    for (const name of named) t.ok(Object.hasOwn(scripts, name), `${path}: ${name}`);
  }
});

/** The commands of a group, from its help. */
async function commandsOf(...group: string[]): Promise<string[]> {
  const { stdout } = await commandLine([...group, "--help"]);
  const section = stdout.split("Commands:\n")[1]?.split("\n\n")[0] ?? "";
  return [...section.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1] ?? "").filter((name) => name !== "help");
}

t.test("commands in the documents exist, and the README has them all", async (t) => {
  const groups = await commandsOf();
  const all = (
    await Promise.all(groups.map(async (group) => [group, ...(await commandsOf(group)).map((name) => `${group} ${name}`)]))
  ).flat();
  for (const path of documents) {
    const named = [...read(path).matchAll(/\bmintmark ((?:serve|keys|users|sessions|clients|config|doctor)(?: [a-z]+)?)\b/g)];
    for (const [, command = ""] of named) t.ok(all.includes(command), `${path}: mintmark ${command}`);
  }
  const overview = new Set(
    rows("README.md", "Command line").flatMap(([cell]) => quoted(cell).map((text) => text.replace("npx mintmark ", ""))),
  );
  const leaves = all.filter((command) => !all.some((other) => other.startsWith(`${command} `)));
  t.strictSame([...overview].sort(), leaves.sort());
});

t.test("every mintmark command of a runbook can be given as it stands there", async (t) => {
  const folder = "docs/runbooks";
  for (const name of readdirSync(join(root, folder))) {
    const lines = [...read(`${folder}/${name}`).matchAll(/npx mintmark ((?:keys|sessions|users|doctor|config)[^\n`#]*)/g)];
    for (const [, text = ""] of lines) {
      const words = [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
      const argv = words.map((word) => (word === "KID" ? "K".repeat(43) : word.endsWith(".pem") ? join(root, "package.json") : word));
      // Whoever seals again has what to seal under.
      const { code, stderr } = await commandLine(argv, { environment: { MINTMARK_KEY_ENCRYPTION_KEY: "A".repeat(43) } });
      t.not(code, 2, `${name}: ${text} ${stderr}`);
    }
  }
});

t.test("relative links lead somewhere", async (t) => {
  for (const path of documents) {
    const targets = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? "");
    for (const target of targets) t.ok(existsSync(join(root, dirname(path), target)), `${path}: ${target}`);
  }
});

t.test("JSON in the documents can be pasted: strict, and whole", async (t) => {
  for (const path of documents) {
    t.notMatch(read(path), /^ *```jsonc/m, path);
    for (const [, example = ""] of read(path).matchAll(/^ *```json\n([^]*?)^ *```/gm)) {
      t.doesNotThrow(() => void JSON.parse(example), `${path}: ${example}`);
    }
  }
});

t.test("the README's configuration is a valid one", async (t) => {
  const examples = [...read("README.md").matchAll(/```json\n([^]*?)```/g)].map((match) => JSON.parse(match[1] ?? "") as unknown);
  t.equal(examples.length, 1);
  for (const example of examples) t.match(parseConfig(example, {}, root), { ok: true });
});

t.test("no document names a path of someone's machine or a package registry", async (t) => {
  for (const path of documents) t.notMatch(read(path), /\/home\/\w|\/Users\/|\/work\/|registry\.\w+\.\w+/, path);
});
