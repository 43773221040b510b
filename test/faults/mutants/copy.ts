/** Copies of the product's source, with faults. They are in the root of the project, where they find its packages. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change, Mutant } from "./mutant.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** Git ignores it. */
const COPIES = join(ROOT, ".mutants");
const COPIED = ["src", "package.json"];

export interface Copy {
  /** Its program. */
  readonly main: string;
  remove(): void;
}

/** Without changes it is as good as the original. Throws `TypeError` where a change does not fit the source of today. */
export function makeCopy(name: string, changes: readonly Change[]): Copy {
  mkdirSync(COPIES, { recursive: true });
  const folder = mkdtempSync(join(COPIES, `${name}-`));
  const remove = (): void => {
    process.off("exit", remove);
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", remove);
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  for (const change of changes) make(folder, change);
  return { main: join(folder, "src/main.ts"), remove };
}

/** What does not fit of a mutant: one text each. */
export function misfits({ name, changes }: Mutant): readonly string[] {
  return changes.flatMap(({ file, find, replace }) => {
    const count = occurrences(readFileSync(join(ROOT, file), "utf8"), find);
    if (count !== 1) return [`${name}: its text occurs ${count} times in ${file}, not once: ${find}`];
    return find === replace ? [`${name}: changes nothing in ${file}`] : [];
  });
}

function make(folder: string, { file, find, replace }: Change): void {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  const count = occurrences(source, find);
  if (count !== 1) throw new TypeError(`the text to be replaced occurs ${count} times in ${file}, not once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
}

function occurrences(source: string, text: string): number {
  return source.split(text).length - 1;
}
