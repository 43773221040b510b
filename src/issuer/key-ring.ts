/** The ring as this process sees it: read every second, kept on disk, opened, and never followed backwards. */

import { sameBytes } from "../domain/bytes.ts";
import { KEYS, NEVER, notBeforeDocument, ringDocument } from "../domain/documents.ts";
import type { Bytes, Signer } from "../domain/ports.ts";
import {
  EMPTY_RING,
  isFirstAwaited,
  type JwsAlgorithm,
  RING_LAG_MILLIS,
  type Ring,
  type RingKey,
  type RingPolicy,
} from "../domain/ring.ts";
import { raiseLongestLifetime, repairedRing } from "../domain/ring-plan.ts";
import { laterNotBefore, NO_NOT_BEFORE, type NotBefore } from "../domain/subject.ts";
import type { VerificationKey } from "../jws/index.ts";
import type { Context } from "./context.ts";
import { type Roster, rosterAt, signingKey } from "./key-view.ts";
import { faultsText, type Hmac, OpenedKeys } from "./opened-keys.ts";
import { type JwksBody, jwksBody, published } from "./publish-keys.ts";
import type { Reach } from "./reach.ts";
import { ringPolicy } from "./ring-policy.ts";
import { stepsBetween } from "./ring-steps.ts";
import { SilentSigners } from "./silent-signers.ts";
import { type PublishedJwks, UnavailableError } from "./types.ts";

const RELOAD_EVERY_MILLIS = 1_000;
/** Two clocks are never read at one moment. */
const CLOCK_READING_MILLIS = 1_000;

interface View {
  readonly ring: Ring;
  /** What the store holds for it; undefined where the ring is only the copy on disk. */
  readonly bytes: Bytes | undefined;
  readonly roster: Roster;
  readonly jwks: JwksBody;
}

export type MacKey = { readonly version: number; readonly hmac: Hmac };

export class KeyRing {
  readonly policy: RingPolicy;
  readonly #context: Context;
  readonly #reach: Reach;
  readonly #role: "server" | "command";
  readonly #silent: SilentSigners;
  readonly #opened: OpenedKeys;
  #view: View | undefined;
  #notBefore: NotBefore = NO_NOT_BEFORE;
  #notBeforeBytes: Bytes | undefined;
  #seenAt = Number.NEGATIVE_INFINITY;
  #clockDiffers = false;
  #refusesWrites = false;
  /** When the store last had its marker; before a first start it has none. */
  #wholeAt: number | undefined;
  #loading: Promise<void> | undefined;
  #saved: Bytes | undefined;
  #isMarked = false;
  /** What this process is writing, or wrote last. */
  #own: Bytes | undefined;

  constructor(context: Context, reach: Reach, role: "server" | "command") {
    this.#role = role;
    this.#reach = reach;
    this.#context = context;
    this.#silent = new SilentSigners(context.emit, context.clock);
    this.#opened = new OpenedKeys(context, this.#silent);
    this.policy = ringPolicy(context.policy);
  }

  get ring(): Ring {
    return this.#view?.ring ?? EMPTY_RING;
  }

  /** What the store held at the last look; undefined: no ring. */
  get bytes(): Bytes | undefined {
    return this.#view?.bytes;
  }

  /** Whether this process has ever seen a ring, on disk or in the store. */
  get isKnown(): boolean {
    return this.#view !== undefined;
  }

  /** Takes the copy on disk as the view, for publishing only: grants wait for the store. */
  async loadCopy(): Promise<Ring | undefined> {
    const bytes = await this.#context.ringCopy.load();
    if (bytes === undefined) return undefined;
    const ring = this.#readCopy(bytes);
    if (ring === undefined) return undefined;
    this.#saved = bytes;
    await this.#show(ring, undefined);
    return ring;
  }

  /** A damaged copy is as good as none: the store has the ring. */
  #readCopy(bytes: Bytes): Ring | undefined {
    try {
      return ringDocument.decode(bytes);
    } catch {
      this.#context.emit({
        event: "trouble",
        about: "ring copy",
        message: "the copy of the key ring (ring.json beside the keys) can't be read",
      });
      return undefined;
    }
  }

  /**
   * Takes a ring that no store holds yet as the view; the next change writes it. Says nothing of keys that can't be opened:
   * another start may have made them, lost, and erased them again.
   */
  async adopt(ring: Ring): Promise<void> {
    const now = this.#context.clock();
    await this.#opened.openQuietly(ring, this.policy, now);
    this.#setView(ring, undefined, now);
  }

  /** Reads ring, policy and clock anew; calls while one is under way share it. Throws `StoreError`. */
  reload(): Promise<void> {
    this.#loading ??= this.#reload().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** A reload that began after this call, for whoever has just changed what is read. */
  async reloadAnew(): Promise<void> {
    await this.#loading?.catch(() => undefined);
    await this.reload();
  }

  /** A reload that a stranger's request may cause: not more often than the followers' own. */
  async reloadIfOld(): Promise<void> {
    if (this.#context.clock() - this.#seenAt >= RELOAD_EVERY_MILLIS) await this.reload();
  }

  async #reload(): Promise<void> {
    const { store, clock } = this.#context;
    const began = clock();
    const [ringBytes, policyBytes, marker, storeNow, takesWrites] = await Promise.all([
      store.get(KEYS.ring),
      store.get(KEYS.policy),
      store.get(KEYS.marker),
      store.now(),
      store.takesWrites(),
    ]);
    this.#refusesWrites = !takesWrites;
    this.#judgeClock(storeNow, began, clock());
    this.#silent.askAgain();
    this.#takeNotBefore(policyBytes);
    this.#isMarked = marker !== undefined;
    await this.#takeRing(ringBytes);
    this.#seenAt = began;
    // In a store that was emptied nobody can refresh, so that time is counted against nobody either.
    if (marker === undefined && this.#wholeAt !== undefined) return this.#reach.missed(this.#wholeAt);
    if (marker !== undefined) this.#wholeAt = began;
    if (takesWrites) this.#reach.caughtUp();
    else this.#reach.missed();
  }

  #takeNotBefore(bytes: Bytes | undefined): void {
    if (bytes === undefined || (this.#notBeforeBytes !== undefined && sameBytes(bytes, this.#notBeforeBytes))) return;
    // A store that went back is not followed there.
    this.#notBefore = laterNotBefore(this.#notBefore, notBeforeDocument.decode(bytes));
    this.#notBeforeBytes = bytes;
  }

  async #takeRing(bytes: Bytes | undefined): Promise<void> {
    if (bytes !== undefined && this.#view?.bytes !== undefined && sameBytes(bytes, this.#view.bytes)) return this.#keepUp();
    const stored = bytes === undefined ? EMPTY_RING : ringDocument.decode(bytes);
    const known = this.#followed();
    const repaired = known === undefined ? undefined : repairedRing(stored, known, this.policy, this.#context.clock());
    // A command may have been given another store than the servers have: nothing is put there.
    if (repaired !== undefined && (this.#isMarked || this.#role === "server")) return this.#repair(bytes, repaired);
    if (repaired !== undefined || bytes === undefined) return;
    this.#tellFollowed(known, stored, bytes);
    await this.#show(stored, bytes);
  }

  #tellFollowed(known: Ring | undefined, stored: Ring, bytes: Bytes): void {
    if (this.#role === "command" || known === undefined || (this.#own !== undefined && sameBytes(bytes, this.#own))) return;
    const steps = stepsBetween(known, stored);
    if (steps.length > 0) this.#context.emit({ event: "keys_followed", steps, version: stored.version });
  }

  /** The ring that a store's must not fall behind; one that was only adopted was never in force. */
  #followed(): Ring | undefined {
    const ring = this.#view?.ring;
    return ring?.version === EMPTY_RING.version ? undefined : ring;
  }

  /** The store went back: what it lost is put back before anything is followed. */
  async #repair(found: Bytes | undefined, repaired: Ring): Promise<void> {
    const bytes = ringDocument.encode(repaired);
    const won = await this.#context.store.compareAndSet(KEYS.ring, found, bytes, { expiresAt: NEVER, confirmed: true });
    if (!won) return;
    this.#context.emit({ event: "ring_repaired", version: repaired.version });
    await this.#show(repaired, bytes);
  }

  /** Time alone may have changed who signs and what is published; a key that could not be opened may be there by now. */
  async #keepUp(): Promise<void> {
    const view = this.#view;
    if (view === undefined || (this.#opened.faults.length === 0 && this.#context.clock() < view.roster.until)) return;
    await this.#show(view.ring, view.bytes);
  }

  async #show(ring: Ring, bytes: Bytes | undefined): Promise<void> {
    const now = this.#context.clock();
    this.#setView(ring, bytes, now);
    this.#opened.openAside(ring, this.policy, now);
    if (bytes !== undefined) await this.#keepCopy(bytes);
  }

  /** Resolves when all that the ring needs is open or has a fault. */
  opened(): Promise<void> {
    return this.#opened.settled();
  }

  /** To be called before the custodian is closed. */
  close(): void {
    this.#opened.close();
  }

  /** To be called before a ring is written. */
  writes(bytes: Bytes): void {
    this.#own = bytes;
  }

  /** The ring that this process has just written is the view at once, unless a newer one was read since. */
  async wrote(ring: Ring, bytes: Bytes): Promise<void> {
    await this.#loading?.catch(() => undefined);
    if (ring.version > this.ring.version) await this.#show(ring, bytes);
  }

  #setView(ring: Ring, bytes: Bytes | undefined, now: number): void {
    this.#view = { ring, bytes, roster: rosterAt(ring, this.policy, now), jwks: jwksBody(ring, this.policy, now, this.#context.digests) };
  }

  async #keepCopy(bytes: Bytes): Promise<void> {
    if (this.#saved !== undefined && sameBytes(bytes, this.#saved)) return;
    try {
      await this.#context.ringCopy.save(bytes);
      this.#saved = bytes;
    } catch {
      this.#context.emit({ event: "trouble", about: "ring copy", message: "the copy of the key ring can't be written beside the keys" });
    }
  }

  /** The faults of the keys that should be open, one text; empty where there are none. */
  get faults(): string {
    return faultsText(this.#opened.faults);
  }

  /** Whether any of them lasts until what is configured or installed is mended. */
  get isSetupAtFault(): boolean {
    return this.#opened.faults.some(({ isSetup }) => isSetup);
  }

  /** The same without those that may pass by themselves: a start waits for them. */
  get lastingFaults(): string {
    return faultsText(this.#opened.faults.filter(({ mayPass }) => !mayPass));
  }

  get faultyKids(): readonly string[] {
    return this.#opened.faults.map(({ kid }) => kid);
  }

  #judgeClock(storeNow: number, before: number, after: number): void {
    const tolerated = this.#context.policy.clockSkewMillis + CLOCK_READING_MILLIS;
    const differs = storeNow < before - tolerated || storeNow > after + tolerated;
    if (differs && !this.#clockDiffers) this.#context.emit({ event: "clock_differs", millis: after - storeNow });
    this.#clockDiffers = differs;
  }

  /** Whether the store had its marker at the last look: it is one that a server has started on, and was not emptied since. */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** Planning, pruning and erasing need a clock that agrees with the store's. */
  get clockAgrees(): boolean {
    return !this.#clockDiffers;
  }

  /** Why no grant may be given now; undefined where nothing is in the way. */
  trouble(): string | undefined {
    const age = this.#context.clock() - this.#seenAt;
    // A clock that stepped back says nothing about how old the view is.
    if (age > RING_LAG_MILLIS || age < -CLOCK_READING_MILLIS) return "the key ring was not read for too long";
    if (this.#clockDiffers) return "the clock differs from the store's";
    if (this.#refusesWrites) return "the store refuses writes, and what it says may be old";
    return undefined;
  }

  /** What is over by policy. Throws `UnavailableError` where the view is too old to decide on. */
  notBefore(): NotBefore {
    const trouble = this.trouble();
    if (trouble !== undefined) throw new UnavailableError(trouble);
    return this.#notBefore;
  }

  jwks(): PublishedJwks | undefined {
    const view = this.#current();
    return view === undefined ? undefined : published(view.jwks, this.policy, this.#context.clock());
  }

  /** The view, with what time has changed since it was made. */
  #current(): View | undefined {
    const now = this.#context.clock();
    if (this.#view !== undefined && now >= this.#view.roster.until) this.#setView(this.#view.ring, this.#view.bytes, now);
    return this.#view;
  }

  /**
   * The signer of now for tokens of this lifetime; a promise only where the ring must first learn of the lifetime. Throws
   * `UnavailableError` where there is none.
   */
  signer(algorithm: JwsAlgorithm, lifetimeMillis: number): Signer | Promise<Signer> {
    this.notBefore();
    const roster = this.#current()?.roster;
    const key = roster === undefined ? undefined : signingKey(roster, algorithm);
    const signer = key === undefined ? undefined : this.#opened.signer(key.kid);
    if (key === undefined || signer === undefined) throw new UnavailableError(`no key can sign ${algorithm} now`, 10);
    return lifetimeMillis <= key.longestLifetimeMillis ? signer : this.#raise(key, lifetimeMillis).then(() => signer);
  }

  /** Retirement is computed from what was signed, so the ring learns of a longer lifetime before it is signed. */
  async #raise(key: RingKey, lifetimeMillis: number): Promise<void> {
    const view = this.#view;
    if (view?.bytes === undefined) throw new UnavailableError("the key ring was not read yet");
    const ring = raiseLongestLifetime({ ...view.ring, version: view.ring.version + 1 }, key.kid, lifetimeMillis);
    await this.#context.store.compareAndSet(KEYS.ring, view.bytes, ringDocument.encode(ring), { expiresAt: NEVER, confirmed: true });
    await this.reloadAnew();
    const raised = this.ring.keys.find((candidate) => candidate.kid === key.kid);
    if (raised === undefined || raised.longestLifetimeMillis < lifetimeMillis) throw new UnavailableError("the key ring is being changed");
  }

  /** The MAC key that new generations are spelled with. */
  activeMac(): MacKey {
    const key = this.#current()?.roster.active.get("HS256");
    const hmac = key === undefined ? undefined : this.#opened.mac(key.kid);
    if (key?.macVersion === undefined || hmac === undefined) throw new UnavailableError("no key can make refresh tokens now", 10);
    return { version: key.macVersion, hmac };
  }

  /**
   * The MACs that a version may mean, one but for a roll-back that was repaired; `over`: nothing made with it can live
   * any more; undefined: unknown, or one of them can't be opened.
   */
  macs(version: number): readonly Hmac[] | "over" | undefined {
    const living = this.#current()?.roster.macsByVersion.get(version);
    if (living === undefined) return undefined;
    const macs = living.filter(({ isOver }) => !isOver).map(({ kid }) => this.#opened.mac(kid));
    if (macs.length === 0) return "over";
    const opened = macs.filter((mac) => mac !== undefined);
    return opened.length === macs.length ? opened : undefined;
  }

  /** Whether the ring has MAC keys of this version, whether or not they can be opened here. */
  hasMacVersion(version: number): boolean {
    return this.#current()?.roster.macsByVersion.has(version) === true;
  }

  /** The key that proves a token of ours; undefined for keys that are no longer, or never were, in the JWK Set. */
  verificationKey(kid: string): VerificationKey | undefined {
    const key = this.#current()?.roster.published.get(kid);
    return key === undefined ? undefined : this.#opened.verification(key);
  }

  /** Whether refresh tokens can be made. */
  get hasMac(): boolean {
    const key = this.#current()?.roster.active.get("HS256");
    return key !== undefined && this.#opened.mac(key.kid) !== undefined;
  }

  /** Algorithms that should sign and can't, or whose custodian does not answer. One whose first key is yet to age is not missed. */
  mute(algorithms: readonly JwsAlgorithm[]): readonly JwsAlgorithm[] {
    const roster = this.#current()?.roster;
    const now = this.#context.clock();
    return algorithms.filter((algorithm) => {
      const key = roster === undefined ? undefined : signingKey(roster, algorithm);
      const own = this.ring.keys.filter((known) => known.algorithm === algorithm);
      if (key === undefined && isFirstAwaited(own, now)) return false;
      return key === undefined || this.#opened.signer(key.kid) === undefined || this.#silent.has(key.kid);
    });
  }
}
