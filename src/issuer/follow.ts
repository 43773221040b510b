/** The life of a node: what it does at its start, every second, every five, every minute. */

import { FormatError } from "../domain/bytes.ts";
import { adoptedRing } from "../domain/ring-adopt.ts";
import { type FoundKey, KeyError, StoreError, type StoreFinding } from "../domain/ports.ts";
import { keyTimes, type Ring } from "../domain/ring.ts";
import { planRevocation, planRing } from "../domain/ring-plan.ts";
import { changeRing, type ChangeOptions, eraseOver, type RingWish } from "./change-ring.ts";
import type { SessionParts } from "./parts.ts";
import { stepText } from "./ring-steps.ts";
import { UnavailableError, UnsafeStoreError } from "./types.ts";
import { unexpectedText } from "./unexpected.ts";

const FOLLOW_EVERY_MILLIS = 1_000;
const BEAT_EVERY_TICKS = 5;
const PLAN_EVERY_TICKS = 60;
/** How a store is set up, unlike a full disk, does not change by waiting. */
const MUST_HOLD = ["version", "eviction", "durability", "permissions"];

/** Longer than from the first of new key files to the ring that names them. */
const IN_THE_MAKING_MILLIS = 1_000;

/** Processes that are stopped together write together. */
const LAST_FLUSH_TRIES = 16;

/** What the planner finds lacking, and nothing else. */
const NO_WISH: RingWish = () => [];

/** What goes on side by side. */
type Work = "following" | "ends" | "planning";

export class Follower {
  readonly #parts: SessionParts;
  #isBooted = false;
  /** The store may have lost ends that its log still has. */
  #mustAssertEnds = true;
  #asserting: Promise<void> | undefined;
  #planning: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #stopListening: () => void = () => undefined;
  /** What each kind of work last failed by. */
  readonly #troubles = new Map<Work, string>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the JWK Set can be served. Throws `KeyError` where the ring's private parts are not to be had, and
   * `StoreError` where the store is out of reach and there is no copy of the ring to serve either.
   */
  async start(): Promise<void> {
    const { keyRing, context } = this.#parts;
    const copy = await keyRing.loadCopy();
    try {
      await this.#boot();
    } catch (error) {
      const isServable = copy !== undefined || keyRing.bytes !== undefined;
      if (!(error instanceof StoreError) || !isServable) throw error;
      this.#tell("following", error.message);
    }
    void this.#checkCustodians();
    this.#stopListening = context.store.onPrimaryChange(() => {
      this.#mustAssertEnds = true;
      this.#assertEndsAside();
    });
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopListening();
    await this.#loop;
    await this.#asserting;
    await this.#planning;
    this.#parts.keyRing.close();
    if (this.#isBooted) await this.#parts.fetches.flush(LAST_FLUSH_TRIES);
  }

  async #boot(): Promise<void> {
    const { keyRing, marker, context, reach } = this.#parts;
    await this.#refuseUnsafeStore();
    const found = await marker.read();
    await keyRing.reload();
    const isFirst = !keyRing.isKnown && found === undefined;
    if (!keyRing.isKnown) await keyRing.adopt(adoptedRing(await this.#found(isFirst), keyRing.policy));
    if (keyRing.bytes === undefined) await this.#change(NO_WISH, { first: isFirst, write: true });
    // A first start that was cut short between ring and marker left the ring's first version.
    if (found === undefined && (isFirst || keyRing.ring.version === 1)) await marker.create();
    else if (found === undefined) await this.#noteIfEmptied();
    else reach.add({ from: found.aliveAt, to: context.clock() });
    await keyRing.opened();
    if (keyRing.lastingFaults !== "") throw new KeyError(keyRing.lastingFaults);
    await this.#quietly("planning", () => this.#plan());
    this.#isBooted = true;
    this.#assertEndsAside();
  }

  /** Also of those without a key on the ring yet. Beside the start, which needs none of them. */
  async #checkCustodians(): Promise<void> {
    const { context, keyRing } = this.#parts;
    try {
      // What is wrong with the keys there are is told first.
      await keyRing.opened();
      for (const { fault } of await context.custodian.check()) {
        const isTold = fault === undefined || keyRing.faults.includes(fault.message) || this.#isTold(fault.message);
        if (!isTold && !this.#stopping.signal.aborted) context.emit({ event: "trouble", about: "keys", message: fault.message });
      }
    } catch (error) {
      context.emit({ event: "trouble", about: "keys", message: troubleText(error) });
    }
  }

  /** Private parts without a ring. On a new store those of this moment are another first start's: one of the two wins, with its own. */
  async #found(isFirst: boolean): Promise<readonly FoundKey[]> {
    const { custodian, clock } = this.#parts.context;
    const found = await custodian.find();
    const madeBefore = clock() - IN_THE_MAKING_MILLIS;
    return isFirst ? found.filter(({ createdAt }) => createdAt <= madeBefore) : found;
  }

  /** Another node may have made ring and marker since the marker was looked for. */
  async #noteIfEmptied(): Promise<void> {
    const { marker } = this.#parts;
    if ((await marker.read()) === undefined) marker.noteEmptied();
  }

  /** A store that drops sessions at will, or forgets them all when it ends, is not started on. */
  async #refuseUnsafeStore(): Promise<void> {
    const findings = await this.#parts.context.store.inspect();
    const faults = findings.filter(({ severity, subject }) => severity === "fault" && MUST_HOLD.includes(subject));
    if (faults.length === 0) return this.#warn(findings);
    throw new UnsafeStoreError(faults.map(lineOf).join("; "));
  }

  /** What may be lost, or will be soon, in one line each. */
  #warn(findings: readonly StoreFinding[]): void {
    for (const finding of findings) {
      const { severity, subject } = finding;
      if (severity === "ok") continue;
      this.#parts.context.emit({ event: "store_warning", about: subject, message: lineOf(finding), severity });
    }
  }

  /** Beside the loop: a long log must not keep this node from following ring and policy. */
  #assertEndsAside(): void {
    this.#asserting ??= this.#quietly("ends", () => this.#assertEnds()).finally(() => {
      this.#asserting = undefined;
    });
  }

  /** A primary that has just changed is often out of reach once more: what fails here is tried again at the next turn. */
  async #assertEnds(): Promise<void> {
    if (!this.#mustAssertEnds) return;
    this.#mustAssertEnds = false;
    try {
      await this.#revokeAgain(await this.#parts.ends.assertAgain());
    } catch (error) {
      this.#mustAssertEnds = true;
      throw error;
    }
  }

  async #revokeAgain(kids: readonly string[]): Promise<void> {
    const { keyRing } = this.#parts;
    const lost = (ring: Ring): string[] => kids.filter((kid) => ring.keys.some((key) => key.kid === kid && key.revokedAt === undefined));
    if (lost(keyRing.ring).length === 0) return;
    await this.#change((newer, now) => planRevocation(newer, lost(newer), keyRing.policy, now), { isRevocation: true });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    for (let tick = 1; ; tick++) {
      await this.#parts.context.sleep(FOLLOW_EVERY_MILLIS, signal);
      if (signal.aborted) return;
      await this.#quietly("following", async () => {
        if (!this.#isBooted) return this.#boot();
        await this.#parts.keyRing.reload();
        if (this.#mustAssertEnds) this.#assertEndsAside();
        await this.#parts.ends.follow();
        if (!this.#parts.keyRing.clockAgrees) return;
        if (tick % BEAT_EVERY_TICKS === 0) await this.#parts.marker.beat();
        if (tick % PLAN_EVERY_TICKS === 0 || this.#isSomethingDue()) this.#planAside();
        await this.#parts.fetches.flushIfDue();
      });
    }
  }

  /** Short schedules are kept as well as long ones. */
  #isSomethingDue(): boolean {
    const { keyRing, context } = this.#parts;
    return planRing(keyRing.ring, keyRing.policy, context.clock(), false).length > 0;
  }

  /** Beside the loop: a key that takes long to be made must not keep this node from following ring and policy. */
  #planAside(): void {
    this.#planning ??= this.#quietly("planning", () => this.#plan()).finally(() => {
      this.#planning = undefined;
    });
  }

  /** A clock that disagrees with the store's, or a key that can't be opened, plans nothing and erases nothing. */
  async #plan(): Promise<void> {
    const { keyRing, context } = this.#parts;
    this.#countKeys();
    await keyRing.opened();
    if (!keyRing.clockAgrees || keyRing.faults !== "") return;
    await this.#change(NO_WISH);
    await eraseOver(context, keyRing);
    this.#countKeys();
  }

  async #change(wish: RingWish, options: ChangeOptions = {}): Promise<void> {
    const { context, keyRing } = this.#parts;
    const { changes, ring } = await changeRing(context, keyRing, wish, options);
    if (changes.length > 0) context.emit({ event: "keys_changed", steps: changes.map(stepText), version: ring.version });
  }

  #countKeys(): void {
    const { keyRing, context } = this.#parts;
    const now = context.clock();
    const counts = new Map<string, { algorithm: (typeof keyRing.ring.keys)[number]["algorithm"]; state: string; count: number }>();
    for (const key of keyRing.ring.keys) {
      const { state } = keyTimes(keyRing.ring, key, now, keyRing.policy);
      const name = `${key.algorithm} ${state}`;
      counts.set(name, { algorithm: key.algorithm, state, count: (counts.get(name)?.count ?? 0) + 1 });
    }
    context.emit({ event: "keys", counts: [...counts.values()] });
  }

  /** Trouble with store or keys is told once, not every second; the next tick tries again. */
  async #quietly(what: Work, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#troubles.delete(what);
    } catch (error) {
      this.#tell(what, troubleText(error));
    }
  }

  #isTold(message: string): boolean {
    return [...this.#troubles.values()].includes(message);
  }

  #tell(what: Work, message: string): void {
    const isTold = this.#isTold(message);
    this.#troubles.set(what, message);
    if (!isTold) this.#parts.context.emit({ event: "trouble", about: "store or keys", message });
  }
}

/** What was found, and what to do about it. */
function lineOf({ finding, advice }: StoreFinding): string {
  return advice === undefined ? finding : `${finding}: ${advice}`;
}

/** A fault nobody foresaw must not end a node that serves the JWK Set. */
function troubleText(error: unknown): string {
  const isForeseen =
    error instanceof StoreError ||
    error instanceof UnavailableError ||
    error instanceof UnsafeStoreError ||
    error instanceof KeyError ||
    error instanceof FormatError;
  if (isForeseen) return error.message;
  return unexpectedText(error);
}
