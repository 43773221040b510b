/** Says what to do where npm scripts run on a Node.js that can't run TypeScript. Plain JavaScript: it runs on any. */
import { readFileSync } from "node:fs";

const wanted = Number.parseInt(readFileSync(new URL("../.nvmrc", import.meta.url), "utf8"), 10);
if (Number.parseInt(process.versions.node, 10) < wanted) {
  process.stderr.write(
    `mintmark runs on Node.js ${wanted}; this is ${process.version}.\n` +
      `On Linux (glibc, x64 or arm64) "npm ci" brings it along; elsewhere install it from https://nodejs.org or with "nvm install".\n`,
  );
  process.exit(2);
}
