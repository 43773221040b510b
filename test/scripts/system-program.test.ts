/** Finding and installing the programs that tests run, with a package manager that is none. */

import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { findProgram, installProgram, skipWithout } from "../../scripts/system-program.ts";
import type { SystemProgram } from "../../scripts/system-program.ts";

const VARIABLE = "MINTMARK_TEST_NO_SUCH_PROGRAM";
const PACKAGE = "package-of-a-test";
const PROGRAM: SystemProgram = {
  commands: ["no-such-program-first", "no-such-program-second"],
  variable: VARIABLE,
  packages: { "apt-get": PACKAGE, dnf: PACKAGE, apk: PACKAGE },
};

function executable(folder: string, name: string, script = ""): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A folder that is first on the PATH. */
function folderOnPath(t: Test): string {
  const folder = t.testdir();
  const before = process.env["PATH"];
  process.env["PATH"] = [folder, before].join(delimiter);
  t.teardown(() => {
    process.env["PATH"] = before;
    delete process.env[VARIABLE];
  });
  return folder;
}

function asUser(t: Test, id: number): void {
  const { getuid } = process;
  process.getuid = () => id;
  t.teardown(() => {
    if (getuid !== undefined) process.getuid = getuid;
  });
}

t.test("a program is found by its first name on the PATH, or where the environment says", async (t) => {
  const folder = folderOnPath(t);
  t.equal(findProgram(PROGRAM), undefined);
  t.match(skipWithout(PROGRAM), /^no no-such-program-first found on the PATH or in MINTMARK_TEST_NO_SUCH_PROGRAM$/);
  const second = executable(folder, "no-such-program-second");
  t.equal(findProgram(PROGRAM), second);
  const first = executable(folder, "no-such-program-first");
  t.equal(findProgram(PROGRAM), first);
  t.equal(skipWithout(PROGRAM), false);
  process.env[VARIABLE] = second;
  t.equal(findProgram(PROGRAM), second);
  process.env[VARIABLE] = join(folder, "not there");
  t.equal(findProgram(PROGRAM), undefined, "what is named and is not there is not replaced by another");
});

t.test("root installs it, saying so", async (t) => {
  const folder = folderOnPath(t);
  asUser(t, 0);
  const installed = join(folder, "no-such-program-second");
  executable(folder, "apt-get", `case "$*" in *" ${PACKAGE}") printf '#!/bin/sh\\n' > "${installed}"; chmod 755 "${installed}";; esac`);
  const said: string[] = [];
  t.equal(
    installProgram(PROGRAM, (text) => said.push(text)),
    installed,
  );
  t.same(said, [
    "no no-such-program-first found: running apt-get update -qq",
    `no no-such-program-first found: running apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 ${PACKAGE}`,
  ]);
});

t.test("what can't be installed is said, and no test fails for it", async (t) => {
  const folder = folderOnPath(t);
  executable(folder, "apt-get", "exit 100");
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  asUser(t, 0);
  t.equal(installProgram(PROGRAM, say), undefined);
  t.match(said.at(-1), /^no-such-program-first could not be installed: the tests that need it are skipped$/);
  asUser(t, 1000);
  t.equal(installProgram(PROGRAM, say), undefined);
  t.match(said.at(-1), /^no no-such-program-first found, and only root can install it/);
});
