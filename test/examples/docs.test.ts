/** What docs/clients.md and docs/resource-servers.md show is what stands in examples/, and examples/ is what the other tests here run. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseConfig } from "../../src/config.ts";
import { SERVER_ERROR } from "../../src/http/failures.ts";
import { REFUSAL_STATUS } from "../../src/http/refuse.ts";
import { exampleConfig } from "./support.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = ["docs/clients.md", "docs/resource-servers.md"];
const LANGUAGES: Readonly<Record<string, string>> = { js: "js", python: "py", go: "go", java: "java" };

interface Block {
  readonly language: string;
  readonly text: string;
  /** The example that is linked last before it. */
  readonly file: string | undefined;
}

function blocksOf(path: string): Block[] {
  const text = read(path);
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ index, 1: language = "", 2: block = "" }) => {
    const links = [...text.slice(0, index).matchAll(/\]\(\.\.\/(examples\/[^)]+)\)/g)];
    return { language, text: block, file: links.at(-1)?.[1] };
  });
}

for (const path of documents) {
  t.test(`the code in ${path} is the code of the files that it links`, async (t) => {
    const code = blocksOf(path).filter(({ language }) => language !== "json");
    t.ok(code.length > 4);
    for (const { language, text, file = "" } of code) {
      t.equal(file.split(".").at(-1), LANGUAGES[language], `a block of ${language} after ${file}`);
      t.ok(read(file).includes(text), `${file}: ${text.slice(0, 60)}`);
    }
  });
}

t.test("the entries in docs/clients.md are those of the examples' configuration, which is valid", async (t) => {
  const entries = blocksOf("docs/clients.md").flatMap(({ language, text }) => (language === "json" ? [JSON.parse(text) as object] : []));
  t.strictSame(entries, [...exampleConfig.clients, ...exampleConfig.trustedIssuers]);
  const result = parseConfig(exampleConfig, { NODE_ENV: "production" }, root);
  t.match(result, { ok: true });
  t.same(result.ok ? result.config.warnings : undefined, []);
});

t.test("docs/clients.md says of every error what a client does", async (t) => {
  const section = read("docs/clients.md").split("\n## Errors\n")[1] ?? "";
  const documented = [...section.matchAll(/^\| `(\w+)` \| (\d+)/gm)].map(([, error, status]) => `${error} ${status}`);
  const coded = [...Object.entries(REFUSAL_STATUS), ["not_found", 404], [SERVER_ERROR.error, SERVER_ERROR.status]];
  for (const [error, status] of coded) t.ok(documented.includes(`${error} ${status}`), `${error} ${status}`);
  const words = new Set(coded.map(([error]) => error));
  for (const row of documented) t.ok(words.has(row.split(" ")[0] ?? ""), row);
});
