/**
 * The rows of bad inputs as they are, then with random changes, sent raw to a real issuer on each store: every answer by its
 * status, what was answered with 5xx, and what a refused request changed in the store.
 * `node scripts/figures/mutations.ts [--requests 10000] [--seed S] [--store all]`
 */

import { leftOut } from "../../test/flows/bad-inputs.ts";
import { assertionsIn, constants } from "../../test/flows/bad-inputs/values.ts";
import type { Values } from "../../test/flows/bad-inputs/values.ts";
import { NEEDS_REDIS } from "../../test/flows/bad-inputs/before.ts";
import { begin, heldIn, presentAgain } from "../../test/flows/bad-inputs/clients.ts";
import { clientOf, requestOf } from "../../test/flows/bad-inputs/request.ts";
import { rowsOfFile } from "../../test/flows/bad-inputs/row.ts";
import type { Row } from "../../test/flows/bad-inputs/row.ts";
import { countsOf, faultsOf } from "../../test/flows/bad-inputs/run.ts";
import type { RowCounts } from "../../test/flows/bad-inputs/run.ts";
import { makeWorld } from "../../test/flows/bad-inputs/world.ts";
import type { Held, World } from "../../test/flows/bad-inputs/world.ts";
import { moreRows } from "../../test/flows/more-bad-inputs.ts";
import { exchange, isWhole } from "../../test/support/raw-exchange.ts";
import type { RawAnswers } from "../../test/support/raw-exchange.ts";
import { changesBetween } from "../../test/support/store-dump.ts";
import type { StoreDump } from "../../test/support/store-dump.ts";
import { STORES } from "./support/deployment.ts";
import type { StoreKind } from "./support/deployment.ts";
import { at } from "./support/lanes.ts";
import { mutated } from "./support/mutate.ts";
import type { Mutated } from "./support/mutate.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { seeded } from "./support/random.ts";
import type { Draw } from "./support/random.ts";

/** Requests between two renewals of the tokens that they carry. */
const RENEW_EVERY = 50;
/** Of those that were not as they should be, how many are told of. */
const TOLD_MAX = 10;

export interface MutationOptions {
  readonly store: StoreKind;
  readonly requests: number;
  readonly seed: number;
}

export interface MutationCounts {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** But for what the next line counts. */
  readonly serverErrors: number;
  /** 503 to a refresh token that names a MAC key of which nobody has heard: it may be newer than what this process has read. */
  readonly unknownMacVersions: number;
  /**
   * Connections that were closed without an answer, where the bytes were a whole request, and where they weren't, or had a
   * head so large that the connection was reset while it was still being sent.
   */
  readonly unanswered: number;
  readonly unansweredGarbage: number;
  readonly refused: number;
  /** What refused requests changed that they should not have. */
  readonly storeChanges: number;
  readonly failedLoginsCounted: number;
  readonly assertionsUsedUp: number;
  /** The first of those that are not as they should be. */
  readonly told: readonly string[];
}

type Counting = { -readonly [Name in keyof MutationCounts]: MutationCounts[Name] } & { statuses: Record<string, number>; told: string[] };

/** What ends with the figure. */
class Ending {
  readonly #ends: (() => unknown)[] = [];

  teardown(end: () => unknown): void {
    this.#ends.push(end);
  }

  async run(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }
}

async function withWorld<T>(options: Parameters<typeof makeWorld>[1], use: (world: World) => Promise<T>): Promise<T> {
  const ending = new Ending();
  try {
    return await use(await makeWorld(ending, options));
  } finally {
    await ending.run();
  }
}

/** Every row as it is. */
export function plainRows(): Promise<readonly RowCounts[]> {
  const ofFile = rowsOfFile().filter(({ id }) => !(id in leftOut));
  return withWorld({ store: "redis" }, async (world) => {
    const passed = new Set<string>();
    for (const row of [...ofFile, ...moreRows]) {
      const faults = await faultsOf(world, row);
      if (faults.length === 0) passed.add(row.id);
      else console.error(`${row.id}: ${faults.join("; ")}`);
    }
    return countsOf(ofFile, moreRows, passed);
  });
}

export function mutations({ store, requests, seed }: MutationOptions): Promise<MutationCounts> {
  // A token that a changed request used is current again within the window: nobody is taken for a thief.
  return withWorld({ store, retryWindow: "60s" }, async (world) => {
    const rows = [...rowsOfFile(), ...moreRows].filter(({ input }) => !NEEDS_REDIS.includes(input.precondition ?? ""));
    const counts: Counting = {
      requests,
      statuses: {},
      serverErrors: 0,
      unknownMacVersions: 0,
      unanswered: 0,
      unansweredGarbage: 0,
      refused: 0,
      storeChanges: 0,
      failedLoginsCounted: 0,
      assertionsUsedUp: 0,
      told: [],
    };
    const draw = seeded(seed);
    const tokens = new Tokens(world);
    let stored = await world.dumps.read();
    for (let index = 0; index < requests; index += 1) {
      if (index % RENEW_EVERY === 0) {
        await tokens.renew();
        stored = await world.dumps.read();
      }
      const changed = await changedRow(world, rows, tokens, draw);
      const answers = await exchange(changed.port, changed.bytes);
      const now = await world.dumps.read();
      count(counts, changed, answers, { stored, now });
      stored = now;
    }
    return counts;
  });
}

interface Sent extends Mutated {
  readonly port: number;
  readonly row: Row;
}

async function changedRow(world: World, rows: readonly Row[], tokens: Tokens, draw: Draw): Promise<Sent> {
  const issuer = draw(2) === 0 ? world.issuer : world.usual;
  const { host, port } = new URL(issuer.url);
  const row = at(rows, draw(rows.length));
  const [request, other] = await Promise.all(
    [row, at(rows, draw(rows.length))].map(async (one) => requestOf(one, await tokens.valuesOf(one), firstPath(one))),
  );
  if (request === undefined || other === undefined) throw new TypeError("two rows are two requests");
  return { ...mutated(request, other, host, draw), port: Number(port), row };
}

function firstPath({ input }: Row): string {
  return String([input.path].flat()[0]);
}

/** Tokens of every client that rows are about. */
class Tokens {
  readonly #world: World;
  readonly #held = new Map<string, Held>();

  constructor(world: World) {
    this.#world = world;
  }

  async renew(): Promise<void> {
    for (const [clientId, { refreshToken }] of this.#held) {
      const answer = await presentAgain(this.#world.usual, clientId, refreshToken);
      if (answer.status === 200) this.#held.set(clientId, heldIn(answer));
      else this.#held.delete(clientId);
    }
    for (const clientId of ["app", "web", "vault", "other", "admin"])
      if (!this.#held.has(clientId)) this.#held.set(clientId, await begin(this.#world.usual, clientId));
  }

  /** Whatever a row says about a token's past, it gets one that is good. */
  async valuesOf(row: Row): Promise<Values> {
    const clientId = clientOf(row);
    const own = this.#held.get(clientId) ?? this.#held.get(clientId.endsWith("web") ? "web" : "app");
    const [other, admin] = ["other", "admin"].map((id) => this.#held.get(id)?.refreshToken ?? "");
    if (own === undefined) throw new TypeError("there are tokens of every client");
    const names = Array.from(JSON.stringify(row.input).matchAll(/\{\{([^}]+)\}\}/g), (found) => found[1] ?? "");
    const tokens = names
      .filter((name) => /^(RT|ACCESS)_/.test(name))
      .map((name) => [name, name.startsWith("RT") ? own.refreshToken : own.accessToken]);
    return {
      ...Object.fromEntries(tokens),
      RT2: own.refreshToken,
      ETAG: '"x"',
      OLD_ETAG: '"x"',
      ...constants(clientId, own),
      RT_OF_OTHER: other ?? "",
      RT_OF_ADMIN: admin ?? "",
      ...assertionsIn(names, this.#world),
    };
  }
}

/** `mmr_` and a first byte other than that of the one MAC key there is. */
function namesUnknownMac(bytes: Buffer): boolean {
  const text = decodeURIComponent(bytes.toString("latin1").replace(/%(?![0-9a-f]{2})|%[89a-f][0-9a-f]/gi, "_"));
  return Array.from(text.matchAll(/mmr_([\w-]{2})/g), (found) => Buffer.from(`${found[1]}AA`, "base64url")[0]).some(
    (version) => version !== 1,
  );
}

/** Four times what a head may have. */
const HEAD_MAX_BYTES = 65_536;

function isReadable(bytes: Buffer): boolean {
  return isWhole(bytes) && bytes.indexOf("\r\n\r\n") <= HEAD_MAX_BYTES;
}

function count(counts: Counting, sent: Sent, { statuses }: RawAnswers, { stored, now }: { stored: StoreDump; now: StoreDump }): void {
  const { row, done, bytes } = sent;
  const tell = (what: string): void => {
    if (counts.told.length < TOLD_MAX)
      counts.told.push(`${what}: ${row.id} with ${done.join(", ")}: ${bytes.subarray(0, 600).toString("base64")}`);
  };
  for (const status of statuses) counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
  if (statuses.some((status) => status >= 500)) {
    const isDeclared = statuses.every((status) => status < 500 || status === 503) && namesUnknownMac(bytes);
    counts[isDeclared ? "unknownMacVersions" : "serverErrors"] += 1;
    if (!isDeclared) tell(`status ${statuses.join()}`);
  }
  if (statuses.length === 0) {
    counts[isReadable(bytes) ? "unanswered" : "unansweredGarbage"] += 1;
    if (isReadable(bytes)) tell("no answer");
  }
  if (statuses.some((status) => status >= 200 && status < 300)) return;
  counts.refused += 1;
  const { documents, throttle, assertions } = changesBetween(stored, now);
  counts.failedLoginsCounted += throttle.length > 0 ? 1 : 0;
  counts.assertionsUsedUp += assertions.length;
  if (documents.length === 0) return;
  counts.storeChanges += 1;
  tell(`${documents.join()} changed by ${statuses.join()}`);
}

export function isGood({ serverErrors, storeChanges, unanswered }: MutationCounts): boolean {
  return serverErrors === 0 && storeChanges === 0 && unanswered === 0;
}

if (import.meta.main) {
  await report(async () => {
    const { requests, seed, store: name } = readOptions({ requests: 10_000, seed: 1 + Math.floor(Math.random() * 2 ** 31), store: "all" });
    const chosen = name === "all" ? STORES : [oneOf("store", name, STORES)];
    console.error(`seed ${seed}`);
    const rows = await plainRows();
    console.error(JSON.stringify(rows));
    const found = await Promise.all(chosen.map(async (store) => [store, await mutations({ store, requests, seed })] as const));
    const allPass = rows.every(({ ofFile, more }) => [ofFile, more].every(([passed, all]) => passed === all));
    const good = allPass && found.every(([, counts]) => isGood(counts));
    return { counts: { figure: "mutations", seed, rows, leftOut, ...Object.fromEntries(found) }, good };
  });
}
