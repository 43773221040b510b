/**
 * F20: key files go bad under running issuers: missing, unreadable, empty, of the wrong kind, replaced while they are read. Who runs
 * keeps the keys that it has opened; who starts ends with exit 2 and names the file. Then the disk of the keys is full.
 */

import { chownSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pause, until } from "../../../scripts/figures/support/wait.ts";
import { freePort } from "../../support/redis.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { BAD_KEY_FILES, ELSEWHERE } from "../support/bad-key-files.ts";
import type { BadKeyFile } from "../support/bad-key-files.ts";
import { activeKid, FAST_KEYS, fastRules } from "../support/fast-keys.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { expectSound, ringState } from "../support/ring-state.ts";
import { smallDisk } from "../support/small-disk.ts";
import { idsOfFile } from "../../flows/bad-inputs/row.ts";
import { OF_A_DRILL } from "./invariants.ts";
import { inRounds, Skip } from "./row.ts";
import type { Row, RowContext } from "./row.ts";

const NOBODY = 65_534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
const isRoot = process.getuid?.() === 0;
const DISK_BYTES = 4_000_000;
const FULL_MILLIS = 12_000;
const FREED_MILLIS_MAX = 60_000;
const REPLACE_EVERY_MILLIS = 3;
const CROWD = { owners: 4, lossy: 2, browsers: [], robbed: 0, revokers: 1, passwordUsers: 0, thinkMillis: 200 };

export const f20: Row = {
  id: "F20",
  title: "key files missing, unreadable, spoiled, replaced while read; disk full",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 5,
  quickRounds: 1,
  async run(context) {
    await spoiledFiles(context);
    await diskFull(context);
  },
};

async function spoiledFiles(context: RowContext): Promise<void> {
  const { redis: _, ...store } = await redisSetup();
  await withDrill(context, { part: "files", store, written: store.written, crowd: CROWD }, async (drill) => {
    const operator = await drill.deployment.operator();
    const folder = join(drill.deployment.directory, "keys");
    const path = join(folder, `${await activeKid(operator, "ES256")}.json`);
    const another = readFileSync(join(folder, `${await activeKid(operator, "EdDSA")}.json`), "utf8");
    for (const bad of BAD_KEY_FILES) {
      context.say(bad.what);
      await spoiled(drill, path, another, bad);
    }
    await inRounds(context, () => replacedWhileRead(drill, path, another));
    expectEveryRow(drill);
  });
}

async function spoiled(drill: Drill, path: string, another: string, { what, spoil, env = {}, asUser }: BadKeyFile): Promise<void> {
  const good = readFileSync(path, "utf8");
  const { d: secret } = JSON.parse(good) as { d: string };
  const before = readdirSync(dirname(path));
  const prefix = asUser === true && isRoot ? AS_NOBODY : [];
  if (prefix.length > 0) giveAway(drill.deployment.directory, NOBODY);
  spoil(path, good, another);
  try {
    await refused(drill, path, what, { env, prefix, secret });
    await stillSigns(drill, what);
  } finally {
    for (const name of readdirSync(dirname(path))) if (name.endsWith(".jwe") && !before.includes(name)) rmSync(join(dirname(path), name));
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, good, { mode: 0o600 });
    if (prefix.length > 0) giveAway(drill.deployment.directory, 0);
  }
}

interface Start {
  readonly env: Readonly<Record<string, string>>;
  /** Before the command. */
  readonly prefix: readonly string[];
  /** What it must not say. */
  readonly secret: string;
}

async function refused(drill: Drill, path: string, what: string, { env, prefix, secret }: Start): Promise<void> {
  const port = await freePort();
  const child = drill.deployment.command(["serve"], { env: { ...env, MINTMARK_PORT: String(port) }, prefix });
  const code = await child.ended;
  const text = child.tail();
  drill.expect(`${what}: a start is exit 2, not ${code}${code === 2 ? "" : `: ${text}`}`, code === 2);
  drill.expect(`${what}: the file is named${text.includes(nameOf(path)) ? "" : `, not: ${text}`}`, text.includes(nameOf(path)));
  drill.expect(`${what}: no stack trace`, !/^\s+at /m.test(text));
  drill.told("I11", `${what}: no private part is shown`, !text.includes(secret));
  drill.count("starts refused", 1);
}

/** Both kinds of file are named by the kid. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.json$/, "");
}

async function stillSigns(drill: Drill, what: string): Promise<void> {
  for (const node of drill.issuers.keys()) {
    const { result } = await drill.proberOf(node).logIn("backend", `whoever comes while a key file is ${what}`);
    drill.expect(`${what}: issuer ${node} goes on with the keys that it has`, result.outcome === "ok");
  }
}

/** A file that is good and bad in turn, a few hundred times a second. A start has read one or the other, or half of it. */
async function replacedWhileRead(drill: Drill, path: string, another: string): Promise<void> {
  const good = readFileSync(path, "utf8");
  let turn = 0;
  const replacing = setInterval(() => {
    turn += 1;
    writeFileSync(path, turn % 3 === 0 ? another : good);
  }, REPLACE_EVERY_MILLIS);
  try {
    const issuer = await drill.deployment.startIssuer();
    await issuer.stop();
    drill.count("started while a key file was replaced", 1);
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    const isNamed = text.includes("ended with 2") && text.includes(nameOf(path));
    drill.expect(`replaced while it is read: exit 2 and the file's name${isNamed ? "" : `, not: ${text}`}`, isNamed);
    drill.count("refused while a key file was replaced", 1);
  } finally {
    clearInterval(replacing);
    writeFileSync(path, good, { mode: 0o600 });
  }
  await stillSigns(drill, "replaced");
}

/** Of the list of bad inputs, where that is at hand: each row about keys is here, or it is said where. */
function expectEveryRow(drill: Drill): void {
  const here = new Set(BAD_KEY_FILES.map(({ id }) => id));
  for (const id of idsOfFile("keys")) drill.expect(`row ${id} is looked at`, here.has(id) || ELSEWHERE[id] !== undefined);
}

function giveAway(folder: string, owner: number): void {
  chownSync(folder, owner, owner);
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) chownSync(join(folder, entry), owner, owner);
}

/** No key can be made: those that there are go on, past the end that was planned for them, and no half of a file is left. */
async function diskFull(context: RowContext): Promise<void> {
  const disk = diskOrUndefined(context);
  if (disk === undefined) return;
  try {
    const { redis: _, ...store } = await redisSetup();
    const keys = { ...FAST_KEYS.settings, rotateEvery: "8s", store: `file:${join(disk.folder, "keys")}` };
    const options = {
      part: "disk",
      store,
      written: store.written,
      crowd: CROWD,
      rules: fastRules(),
      settings: { keys, accessToken: FAST_KEYS.accessToken },
    };
    await withDrill(context, options, async (drill) => {
      await inRounds(context, () => whileFull(drill, disk));
    });
  } finally {
    disk.remove();
  }
}

function diskOrUndefined(context: RowContext): ReturnType<typeof smallDisk> | undefined {
  try {
    return smallDisk(DISK_BYTES);
  } catch (error) {
    if (!(error instanceof Skip)) throw error;
    context.say(`disk full is left out: ${error.message}`);
    return undefined;
  }
}

async function whileFull(drill: Drill, disk: ReturnType<typeof smallDisk>): Promise<void> {
  const operator = await drill.deployment.operator();
  const folder = join(disk.folder, "keys");
  disk.fill();
  const before = await ringState(operator, folder);
  const child = drill.deployment.command(["keys", "stage"]);
  const code = await child.ended;
  drill.expect("disk full: keys stage fails", code !== 0);
  drill.expect(
    `disk full: it says so${/disk is full/.test(child.tail()) ? "" : `, not: ${child.tail()}`}`,
    /disk is full/.test(child.tail()),
  );
  await pause(FULL_MILLIS);
  const during = await ringState(operator, folder);
  const made = during.files.filter((kid) => !before.files.includes(kid));
  drill.expect("disk full: no key file is made, and none of zero bytes", made.length === 0 && during.temporary.length === 0);
  const signing = during.keys.filter(({ state }) => state === "active").map(({ alg }) => alg);
  drill.expect("disk full: one key of each algorithm goes on to sign", signing.toSorted().join() === "ES256,EdDSA,HS256");
  disk.free();
  const hasStaged = async (): Promise<boolean> => {
    const { keys } = await ringState(operator, folder);
    return ["ES256", "EdDSA", "HS256"].every((algorithm) => keys.some(({ alg, state }) => alg === algorithm && state === "staged"));
  };
  await until("there is a staged key again", hasStaged, FREED_MILLIS_MAX);
  expectSound(drill, await ringState(operator, folder), "room again");
}
