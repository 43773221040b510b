import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRingCopy } from "../../src/platform/ring-copy.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

t.test("there is no copy before the first save, and the folder isn't made for looking", async (t) => {
  const directory = join(t.testdir(), "keys");
  t.equal(await openRingCopy(directory).load(), undefined);
  t.equal(existsSync(directory), false);
});

t.test("what was saved last is loaded, by another process too", async (t) => {
  const directory = join(t.testdir(), "keys");
  const copy = openRingCopy(directory);
  await copy.save(ascii("one, and it is longer"));
  await copy.save(ascii("two"));
  t.same(await copy.load(), Buffer.from("two"));
  t.same(await openRingCopy(directory).load(), Buffer.from("two"));
});

t.test("the copy and its folder are the owner's alone, and no temporary file stays", async (t) => {
  const directory = join(t.testdir(), "a", "keys");
  await openRingCopy(directory).save(ascii("ring"));
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.equal(statSync(join(directory, "ring.json")).mode & 0o777, 0o600);
  t.same(readdirSync(directory), ["ring.json"]);
});

t.test("saves at the same time end with the last one, whole", async (t) => {
  const directory = t.testdir();
  const copy = openRingCopy(directory);
  await Promise.all(Array.from({ length: 10 }, (_, index) => copy.save(ascii(`${index}`.repeat(1000 * (10 - index))))));
  t.equal(readFileSync(join(directory, "ring.json"), "utf8"), "9".repeat(1000));
  t.same(readdirSync(directory), ["ring.json"]);
});

t.test("a save that fails leaves the old copy and says which file, and the next one can succeed", async (t) => {
  const directory = t.testdir();
  let fail = false;
  const copy = openRingCopy(directory, (count) => {
    if (fail) throw Object.assign(new Error("no entropy"), { code: "EIO" });
    return new Uint8Array(count).fill(5);
  });
  await copy.save(ascii("old"));
  fail = true;
  await t.rejects(copy.save(ascii("new")), {
    message: `${join(directory, "ring.json")}: can't be written (EIO); check space and permissions.`,
  });
  t.same(await copy.load(), Buffer.from("old"));
  fail = false;
  // A temporary file of the same name is not written over.
  const temporary = join(directory, `.mintmark-${"05".repeat(8)}.tmp`);
  writeFileSync(temporary, "");
  await t.rejects(copy.save(ascii("new")), { message: /EEXIST/ });
  t.same(await copy.load(), Buffer.from("old"));
  await copy.save(ascii("new"));
  t.same(await copy.load(), Buffer.from("new"));
});

t.test("a copy that can't be read is an error that names it, not an absent copy", async (t) => {
  const directory = t.testdir();
  mkdirSync(join(directory, "ring.json"));
  chmodSync(directory, 0o700);
  const copy = openRingCopy(directory);
  await t.rejects(copy.load(), { message: `${join(directory, "ring.json")}: can't be read (EISDIR).` });
  await t.rejects(copy.save(ascii("ring")), { message: /ring\.json: can't be written \(EISDIR\)/ });
  t.same(readdirSync(directory), ["ring.json"]);
});
