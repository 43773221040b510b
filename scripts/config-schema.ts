/**
 * Writes mintmark.schema.json and the table of docs/configuration.md from the readers in src/config.
 * Run it after a change there: node scripts/config-schema.ts  * Run it after a change there: node scripts/config-schema.ts * Run it after a change there: node scripts/config-schema.ts npm run format
 */

import { readFileSync, writeFileSync } from "node:fs";
import { configSchema, configTable } from "../src/config/reference.ts";

const schema = new URL("../mintmark.schema.json", import.meta.url);
const docs = new URL("../docs/configuration.md", import.meta.url);

writeFileSync(schema, `${JSON.stringify(configSchema(), null, 2)}\n`);
writeFileSync(
  docs,
  readFileSync(docs, "utf8").replace(
    /(<!-- members -->\n)[^]*(<!-- end of members -->)/,
    (_, start: string, end: string) => `${start}\n${configTable()}\n\n${end}`,
  ),
);
