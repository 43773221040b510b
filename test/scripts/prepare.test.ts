/** What `npm ci` and `npm run build` leave in dist. */

import { statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

const stats = statSync(join(import.meta.dirname, "../../dist/main.js"), { throwIfNoEntry: false });
const skip = stats === undefined ? "dist is not built: npm ci builds it" : false;

t.test("the built command can be executed: npx links it once and not again after another build", { skip }, async (t) => {
  t.equal((stats?.mode ?? 0) & 0o111, 0o111);
});
