/**
 * Key rotations in simulated time: does any resource server ever refuse a good token?
 * `node scripts/figures/rotation.ts [--rotations 1000] [--seed 1]`
 *
 * Real: the issuers' flows and the ring (two nodes and an operator of `src/issuer`), keys and signatures, the JWK Sets that the nodes
 * serve, and four verifiers nobody here wrote at their default settings. Simulated: time (`Date` and `performance.now` of the whole
 * process, and the nodes' clock; a rotation takes 30 days or less), the store and the private parts (in memory), and the way to
 * the JWK Set (a function call instead of HTTP). One node always sees the ring 900 ms later than the other.
 *
 * A rotation is one of three: by the clock (`rotateEvery` 30 d), by the operator at once (the staged key has to age for `stageFor`,
 * 24 h), by the operator some days later. Every token is verified by all when it is issued and in its last second. Of each
 * verifier there are two: one sees every token; the other one fills its cache once, as long before a change-over as its settings let it
 * keep that, and sees nothing else until then.
 */

import { API, claimsOf, DAY, headerOf, ISSUER, kidsOf, MINUTE, policy, REPORTS, SECOND, World } from "../../test/support/issuer-world.ts";
import type { Node } from "../../test/support/issuer-world.ts";
import { isRefusal } from "../../src/domain/refusal.ts";
import { fakeTime } from "./rotation/fake-time.ts";
import type { FakeTime } from "./rotation/fake-time.ts";
import { Published } from "./rotation/published.ts";
import { fetchFrom, makeVerifiers } from "./rotation/verifiers.ts";
import type { PresentedToken, Verifier } from "./rotation/verifiers.ts";
import { mustBeDone } from "./support/deployment.ts";
import { readOptions, report } from "./support/options.ts";
import { streamOf } from "./support/random.ts";
import type { Draw } from "./support/random.ts";

const ALGORITHMS = ["ES256", "EdDSA"] as const;
const LAG_MILLIS = 900;
/** By the change-over, seconds: just inside what each verifier keeps, around it, and around the end of the former key. */
const BEFORE = [-3_600, -599, -59, -1];
const AFTER = [0, 1, 2, 6, 31, 61, 301, 599, 1_214, 1_216, 3_600];
const LAST_SECOND = 1;

export interface RotationOptions {
  readonly rotations: number;
  readonly seed: number;
  /** 24 h if absent, as by default. */
  readonly stageForMillis?: number;
  /** Only rotations by the operator, each as soon as there is a staged key. */
  readonly isHasty?: boolean;
}

export interface RotationCounts {
  readonly rotations: number;
  /** Keys that signed, of the algorithm with the fewest. */
  readonly keys: number;
  readonly simulatedDays: number;
  readonly tokens: number;
  readonly verifications: number;
  /** Good tokens that a verifier refused, by verifier. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Tokens of a kid that was not in every JWK Set of the `stageFor` before them. */
  readonly unpublished: number;
  /** Refreshes that were not granted. */
  readonly refused: number;
  readonly fetches: number;
}

export async function rotation(options: RotationOptions): Promise<RotationCounts> {
  const keys = { algorithms: ALGORITHMS, defaultAlgorithm: "ES256", jwksMaxAgeMillis: 10 * MINUTE, countFetches: false } as const;
  const stageForMillis = options.stageForMillis ?? DAY;
  const world = new World({ seed: options.seed, policy: policy({ keys: { ...keys, rotateEveryMillis: 30 * DAY, stageForMillis } }) });
  const time = fakeTime(world.now);
  const run = new Run(world, time, streamOf(options.seed, "rotation"), stageForMillis);
  const restoreFetch = fetchFrom(() => run.fetched());
  try {
    await run.begin();
    for (let index = 0; index < options.rotations; index += 1) await run.rotate(options.isHasty === true ? "at once" : undefined);
    return { rotations: options.rotations, ...run.counts() };
  } finally {
    await world.close();
    restoreFetch();
    time.restore();
  }
}

const WISHES = ["by the clock", "at once", "later"] as const;
type Wish = (typeof WISHES)[number];

interface Issued extends PresentedToken {
  readonly expiresAt: number;
  /** Before or after which change-over, seconds. */
  readonly offset: number;
}

class Run {
  readonly #world: World;
  readonly #time: FakeTime;
  readonly #draw: Draw;
  readonly #stageForMillis: number;
  readonly #began: number;
  readonly #published = new Published();
  readonly #busy: readonly Verifier[];
  readonly #idle: readonly Verifier[];
  readonly #kids = new Map<string, Set<string>>(ALGORITHMS.map((algorithm) => [algorithm, new Set()]));
  readonly #rejected: Record<string, number> = {};
  #tickedAt = -Infinity;
  #refreshToken = "";
  #living: Issued[] = [];
  #changeAt = 0;
  #tokens = 0;
  #verifications = 0;
  #unpublished = 0;
  #refused = 0;
  #fetches = 0;

  constructor(world: World, time: FakeTime, draw: Draw, stageForMillis: number) {
    this.#world = world;
    this.#time = time;
    this.#draw = draw;
    this.#stageForMillis = stageForMillis;
    this.#began = world.now;
    const source = (): string => this.fetched();
    this.#busy = makeVerifiers(ISSUER, source);
    this.#idle = makeVerifiers(ISSUER, source);
    for (const { name } of this.#busy) this.#rejected[name] = 0;
  }

  async begin(): Promise<void> {
    await this.#world.startedNode();
    await this.#world.startedNode();
    await this.#world.addUser("ann");
    this.#changeAt = this.#world.now;
    this.#serve();
  }

  /** One of the nodes answers, as behind a load balancer. */
  fetched(): string {
    this.#fetches += 1;
    const { nodes } = this.#world;
    return nodes[this.#draw(nodes.length)]?.issuer.jwks()?.body.toString() ?? "";
  }

  /** The rest of the last change-over, and the next up to the moment at which it is done. */
  async rotate(wish: Wish = WISHES[this.#draw(WISHES.length)] ?? "later"): Promise<void> {
    const last = this.#changeAt;
    if (wish === "at once") await this.#askedAt(last + SECOND);
    const later = last + (2 + this.#draw(20)) * DAY;
    const next = wish === "by the clock" ? last + 30 * DAY : wish === "later" ? later : await this.#plannedFor();
    const moments = [...AFTER.map((offset) => ({ at: last, offset })), ...BEFORE.map((offset) => ({ at: next, offset }))]
      .map(({ at, offset }) => ({ now: at + offset * SECOND, offset }))
      .filter(({ now }) => now >= this.#world.now && now < next)
      .toSorted((a, b) => a.now - b.now);
    for (const { now, offset } of moments) await this.#issueAt(now, offset);
    if (wish === "later") await this.#askedAt(next - SECOND);
    this.#changeAt = next;
    await this.#issueAt(next, 0);
  }

  /** `keys rotate`. */
  async #askedAt(now: number): Promise<void> {
    await this.#goTo(now);
    const operator = await this.#world.operator();
    const result = await operator.rotateKeys(ALGORITHMS, { dryRun: false });
    mustBeDone(result);
  }

  /** When all nodes know who signs next, and it may. */
  async #plannedFor(): Promise<number> {
    const { keys } = await this.#world.ring();
    const planned = keys.filter(({ algorithm }) => algorithm === "ES256").map(({ activeAt = 0 }) => activeAt);
    return Math.max(this.#world.now + SECOND, ...planned);
  }

  /** What expires on the way is verified in its last second. */
  async #goTo(now: number): Promise<void> {
    const due = this.#living
      .filter(({ expiresAt }) => expiresAt - LAST_SECOND * SECOND <= now)
      .toSorted((a, b) => a.expiresAt - b.expiresAt);
    this.#living = this.#living.filter((token) => !due.includes(token));
    for (const token of due) {
      await this.#tickAt(Math.max(this.#world.now, token.expiresAt - LAST_SECOND * SECOND));
      await this.#present(token);
    }
    await this.#tickAt(now);
  }

  /** Time passes for all; one node looks at the ring now, the other one did so a little before. */
  async #tickAt(now: number): Promise<void> {
    if (now <= this.#tickedAt) return;
    this.#tickedAt = now;
    const [first, second] = this.#nodes();
    this.#world.now = Math.max(this.#world.now, now - LAG_MILLIS);
    // What it had until now.
    this.#serve();
    await second.tick();
    this.#serve();
    this.#world.now = now;
    await first.tick();
    this.#serve();
    await this.#time.set(now);
  }

  #nodes(): readonly [Node, Node] {
    const [first, second] = this.#world.nodes;
    if (first === undefined || second === undefined) throw new TypeError("there are two nodes");
    return [first, second];
  }

  #serve(): void {
    for (const node of this.#nodes()) this.#published.served(kidsOf(node), this.#world.now);
  }

  async #issueAt(now: number, offset: number): Promise<void> {
    await this.#goTo(now);
    // Each node signs with each algorithm, in turns.
    const resources = this.#tokens % 4 < 2 ? [API, REPORTS] : [REPORTS, API];
    for (const [index, node] of this.#nodes().entries()) {
      const token = await this.#issue(node, resources[index] ?? API, offset);
      if (token === undefined) continue;
      await this.#present(token);
      this.#living.push(token);
    }
  }

  async #issue(node: Node, resource: string, offset: number): Promise<Issued | undefined> {
    if (offset === BEFORE[0] || this.#refreshToken === "") this.#refreshToken = (await node.logIn("ann")).refreshToken;
    const answer = await node.tryRefresh(this.#refreshToken, { resource });
    if (isRefusal(answer) || answer.refreshToken === undefined) {
      this.#refused += 1;
      this.#refreshToken = "";
      return undefined;
    }
    this.#refreshToken = answer.refreshToken;
    const { kid, alg } = headerOf(answer.accessToken) as { kid: string; alg: string };
    const { exp, iat } = claimsOf(answer.accessToken) as { exp: number; iat: number };
    this.#tokens += 1;
    this.#kids.get(alg)?.add(kid);
    if (this.#published.sinceMillis(kid, iat * SECOND) < this.#stageForMillis) this.#unpublished += 1;
    return { text: answer.accessToken, kid, alg, audience: resource, expiresAt: exp * SECOND, offset };
  }

  async #present(token: Issued): Promise<void> {
    for (const verifier of this.#busy) await this.#ask(verifier, token);
    for (const verifier of this.#idle) if (isFor(verifier, token)) await this.#ask(verifier, token);
  }

  async #ask(verifier: Verifier, token: Issued): Promise<void> {
    this.#verifications += 1;
    try {
      await verifier.verify(token);
    } catch {
      this.#rejected[verifier.name] = (this.#rejected[verifier.name] ?? 0) + 1;
    }
  }

  counts(): Omit<RotationCounts, "rotations"> {
    return {
      keys: Math.min(...[...this.#kids.values()].map(({ size }) => size)),
      simulatedDays: Math.round((this.#world.now - this.#began) / DAY),
      tokens: this.#tokens,
      verifications: this.#verifications,
      rejected: this.#rejected,
      unpublished: this.#unpublished,
      refused: this.#refused,
      fetches: this.#fetches,
    };
  }
}

/** An idle one sees what fills its cache at the last moment that is not too early for it, and what comes when another key signs. */
function isFor({ keepsSeconds }: Verifier, { offset }: Issued): boolean {
  return offset >= 0 || offset === BEFORE.find((one) => one > -keepsSeconds);
}

if (import.meta.main) {
  await report(async () => {
    const counts = await rotation(readOptions({ rotations: 1_000, seed: 1 }));
    const isAccepted = Object.values(counts.rejected).every((count) => count === 0);
    const good = isAccepted && counts.unpublished === 0 && counts.refused === 0 && counts.keys > counts.rotations;
    return { counts: { figure: "rotation", ...counts }, good };
  });
}
