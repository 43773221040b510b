/** Random histories of sessions: the commands, and how each is carried out on issuers and held against the model. */

import fc from "./fast-check.ts";
import { KEYS } from "../../src/domain/documents.ts";
import type { Policy } from "../../src/domain/policy.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { isRefusal, type Refusal } from "../../src/domain/refusal.ts";
import { parseRefreshToken } from "../../src/domain/refresh-token.ts";
import { type TokenGrant, UnavailableError } from "../../src/issuer/index.ts";
import type { FaultKind, Operation, Snapshot } from "./faulty-store.ts";
import {
  claimsOf,
  DAY,
  headerOf,
  HOUR,
  kidsOf,
  MINUTE,
  type Node,
  PASSWORD,
  policy,
  SECOND,
  World,
  type WorldOptions,
} from "./issuer-world.ts";
import { CLOCKS_DIFFER_MILLIS, Model, ModelSession, type Timing, type Verdict } from "./model.ts";

interface Fault {
  readonly op: Operation;
  readonly kind: FaultKind;
}

interface Of {
  readonly node: number;
  readonly session: number;
}

export type Command =
  | { readonly do: "login"; readonly node: number; readonly user: number; readonly client: number; readonly fault: Fault | undefined }
  /** A token of the session, so many generations old, by whoever may hold it. */
  | ({ readonly do: "present"; readonly back: number; readonly key: "none" | "same" | "new"; readonly fault: Fault | undefined } & Of)
  | ({ readonly do: "parallel"; readonly back: number; readonly count: number } & Of)
  /** The rightful client: stores what it gets, repeats with its key what was not answered. */
  | ({ readonly do: "honest"; readonly isLost: boolean; readonly fault: Fault | undefined } & Of)
  | ({ readonly do: "steal" } & Of)
  | ({ readonly do: "thief"; readonly fault: Fault | undefined } & Of)
  | ({ readonly do: "revoke"; readonly how: "revoke" | "log out" | "end"; readonly fault: Fault | undefined } & Of)
  | ({ readonly do: "revoke while used" } & Of)
  | {
      readonly do: "end all";
      readonly node: number;
      readonly user: number;
      readonly how: "subject" | "password" | "client";
      readonly fault: Fault | undefined;
    }
  | { readonly do: "wait"; readonly millis: number }
  | { readonly do: "step clock"; readonly node: number; readonly offset: number }
  | { readonly do: "outage"; readonly kind: FaultKind; readonly millis: number; readonly session: number }
  | { readonly do: "checkpoint" }
  | { readonly do: "roll back" }
  | { readonly do: "restart"; readonly node: number }
  | { readonly do: "rotate keys" };

const node = fc.nat({ max: 1 });
const session = fc.nat({ max: 5 });
const user = fc.nat({ max: 1 });
const back = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 4 }) },
);
const kind = fc.constantFrom<FaultKind>("unavailable", "lost", "done");
const fault = fc.option(fc.record({ op: fc.constantFrom<Operation>("get", "compareAndSet", "compareAndSet", "append"), kind }), {
  freq: 4,
  nil: undefined,
});
const wait = fc.constantFrom(
  SECOND,
  SECOND,
  5 * SECOND,
  15 * SECOND,
  29 * SECOND,
  30 * SECOND,
  45 * SECOND,
  70 * SECOND,
  10 * MINUTE,
  59 * MINUTE,
  3 * HOUR,
  DAY,
);
const offset = fc.integer({ min: -CLOCKS_DIFFER_MILLIS / 2, max: CLOCKS_DIFFER_MILLIS / 2 });

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("login"), node, user, client: fc.nat({ max: 1 }), fault }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("present"), node, session, back, key: fc.constantFrom("none", "same", "new"), fault }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("parallel"), node, session, back, count: fc.integer({ min: 2, max: 6 }) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("honest"), node, session, isLost: fc.boolean(), fault }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("steal"), node, session }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("thief"), node, session, fault }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("revoke"), node, session, how: fc.constantFrom("revoke", "log out", "end"), fault }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke while used"), node, session }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("end all"), node, user, how: fc.constantFrom("subject", "password", "client"), fault }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("wait"), millis: wait }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("step clock"), node, offset }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("outage"), kind, millis: wait, session }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("checkpoint") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("roll back") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart"), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rotate keys") }) },
);

export function commands(maxLength: number): fc.Arbitrary<readonly Command[]> {
  return fc.array(command, { minLength: 1, maxLength, size: "max" });
}

const TIMES: Readonly<Record<string, Timing>> = {
  app: { retryWindowMillis: 30 * SECOND, keyedRetryWindowMillis: HOUR, idleLifetimeMillis: 3 * DAY, absoluteLifetimeMillis: 10 * DAY },
  /** Only who names its exchange may repeat it. */
  other: { retryWindowMillis: 0, keyedRetryWindowMillis: HOUR, idleLifetimeMillis: 3 * DAY, absoluteLifetimeMillis: 10 * DAY },
};
const CLIENTS = Object.keys(TIMES);
const USERS = ["alice", "bob"];

function historyPolicy(): Policy {
  const clients = [...policy().clients.values()].map((each) => ({ ...each, ...TIMES[each.id] }));
  return policy({}, clients);
}

/** What the holder of a token knows: it, and the exchange that was not answered. */
interface Holder {
  token: string;
  pending: { readonly key: string; readonly since: number } | undefined;
}

interface Effects {
  readonly isSwapped: boolean;
  readonly isLogged: boolean;
}

type Answer = TokenGrant | Refusal | "error";

export class History {
  readonly #world: World;
  readonly #model: Model;
  readonly #holders = new Map<ModelSession, Holder>();
  readonly #thieves = new Map<ModelSession, string>();
  readonly #accessTokens = new Map<ModelSession, string>();
  readonly #subs: string[] = [];
  readonly #jtis = new Set<string>();
  #snapshot: Snapshot = new Map();
  #keys = 0;
  /** How often what happened, to see that the histories are not empty. */
  readonly outcomes = new Map<string, number>();

  private constructor(world: World) {
    this.#world = world;
    this.#model = new Model(world.policy.clockSkewMillis);
  }

  static async begin(options: Pick<WorldOptions, "open" | "start">): Promise<History> {
    const history = new History(new World({ ...options, policy: historyPolicy() }));
    const world = history.#world;
    await world.startedNode();
    await world.startedNode();
    for (const name of USERS) history.#subs.push(await world.addUser(name));
    // The first keys sign from their maker's time on: a slower clock has to get there.
    await world.advance(2 * CLOCKS_DIFFER_MILLIS);
    await history.#checkpoint();
    // So that there is something to do from the first command on.
    await history.run({ do: "login", node: 0, user: 0, client: 0, fault: undefined });
    return history;
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  async run(command: Command): Promise<void> {
    const world = this.#world;
    if (["roll back", "restart", "rotate keys"].includes(command.do)) this.#count(command.do);
    switch (command.do) {
      case "login":
        return this.#logIn(command);
      case "wait":
        return world.advance(command.millis);
      case "step clock":
        this.#node(command.node).clockOffset = command.offset;
        return world.tick();
      case "outage":
        return this.#outage(command);
      case "checkpoint":
        return this.#checkpoint();
      case "roll back":
        this.#model.rollBack();
        await world.goBackTo(this.#snapshot);
        // The marker went back too: a node beats every fifth turn, and its first beat finds that it has changed.
        return world.tick(11);
      case "restart":
        await world.tick(11);
        await world.restart(this.#node(command.node));
        this.#model.restarted();
        return;
      case "rotate keys":
        await (await world.operator()).rotateKeys(["ES256", "EdDSA", "HS256"], { dryRun: false });
        return world.tick();
      case "end all":
        return this.#endAll(command);
      default:
        return this.#ofSession(command);
    }
  }

  /** In the end everything works: who is not out can refresh, who is out can't, on every node. */
  async settle(): Promise<void> {
    for (const session of this.#model.sessions) {
      if (session.isAtItsEnd(this.#world.now)) continue;
      for (const place of [0, 1]) {
        const isOut = session.isOver || session.isExpired(this.#world.now);
        for (const token of isOut ? session.tokens.values() : [session.tokens.get(session.stored.current)]) {
          if (token !== undefined) await this.#present(session, token, undefined, place, undefined);
        }
        if (session.isOver) await this.#isInactive(session);
      }
    }
  }

  #node(place: number): Node {
    return this.#world.nodes[place]!;
  }

  #count(what: string): void {
    this.outcomes.set(what, (this.outcomes.get(what) ?? 0) + 1);
  }

  #must(isTrue: boolean, invariant: string): void {
    if (!isTrue) throw new Error(`violated: ${invariant}`);
  }

  async #checkpoint(): Promise<void> {
    this.#snapshot = await this.#world.snapshot();
    this.#model.checkpoint();
  }

  /** Runs one call with its fault; a failure without one is a fault of the issuer. */
  async #attempt<T>(place: number, fault: Fault | undefined, call: (node: Node) => Promise<T>): Promise<T | "error"> {
    const node = this.#node(place);
    node.link.forgetCalls();
    if (fault !== undefined) node.link.failNext(fault.op, "", fault.kind);
    try {
      return await call(node);
    } catch (error) {
      const isExpected = error instanceof StoreError || error instanceof UnavailableError;
      if (!isExpected || (fault === undefined && node.link.outage === undefined)) throw error;
      return "error";
    } finally {
      node.link.clearFaults();
    }
  }

  /** Whether the last call on this node changed the subject's document, and whether it wrote to the ends log. */
  #effects(place: number): Effects {
    const { executed } = this.#node(place).link;
    return {
      isSwapped: executed.some(({ op, key, result }) => op === "compareAndSet" && key.startsWith(KEYS.subjectPrefix) && result === true),
      isLogged: executed.some(({ op }) => op === "append"),
    };
  }

  async #logIn({ node: place, user, client, fault }: Command & { do: "login" }): Promise<void> {
    const clientId = CLIENTS[client]!;
    const answer = await this.#attempt(place, fault, (node) =>
      node.tryLogIn(USERS[user]!, { clientId, address: `192.0.2.${this.#keys % 250}` }),
    );
    await this.#node(place).idle();
    if (fault !== undefined) await this.#world.tick();
    if (answer === "error") return;
    this.#must(!isRefusal(answer), "a login with the right password is granted");
    const { refreshToken = "", sid = "" } = answer as TokenGrant;
    const session = new ModelSession(user, clientId, TIMES[clientId]!, sid, refreshToken, this.#world.now);
    this.#model.sessions.push(session);
    this.#holders.set(session, { token: refreshToken, pending: undefined });
    this.#noteAccessToken(session, answer as TokenGrant, place);
    this.#count("login");
  }

  #noteAccessToken(session: ModelSession, { accessToken }: TokenGrant, place: number): void {
    this.#accessTokens.set(session, accessToken);
    const { jti } = claimsOf(accessToken);
    this.#must(typeof jti === "string" && !this.#jtis.has(jti), "I10: every jti is unique");
    this.#jtis.add(String(jti));
    this.#must(kidsOf(this.#node(place)).includes(String(headerOf(accessToken)["kid"])), "the key that signs is in the JWK Set");
  }

  async #ofSession(command: Extract<Command, Of>): Promise<void> {
    const { sessions } = this.#model;
    const living = sessions.filter((each) => !each.isOver && !each.isExpired(this.#world.now));
    // Most of what happens, happens to sessions that live.
    const candidates = command.session === 0 || living.length === 0 ? sessions : living;
    const session = candidates[command.session % Math.max(1, candidates.length)];
    if (session === undefined || session.isAtItsEnd(this.#world.now)) return;
    switch (command.do) {
      case "present": {
        const token = oldToken(session, command.back);
        const { exchangeKey } = session.stored;
        const key = command.key === "same" ? exchangeKey : command.key === "new" ? this.#newKey() : undefined;
        // Whoever does this is not the client that obeys.
        session.isStolen = true;
        await this.#present(session, token, key, command.node, command.fault);
        return;
      }
      case "parallel":
        session.isStolen = true;
        return this.#parallel(session, oldToken(session, command.back), command);
      case "honest":
        return this.#honest(session, command);
      case "steal":
        this.#thieves.set(session, this.#holders.get(session)!.token);
        return;
      case "thief":
        return this.#thief(session, command);
      case "revoke":
        return this.#revoke(session, command);
      case "revoke while used":
        return this.#revokeWhileUsed(session, command);
    }
  }

  #newKey(): string {
    this.#keys += 1;
    return `idempotency-key-${this.#keys}`;
  }

  /** I1 to I5 for one presentation. */
  async #present(session: ModelSession, token: string, key: string | undefined, place: number, fault: Fault | undefined): Promise<Answer> {
    const { now } = this.#world;
    const generation = generationOf(token);
    const verdict = this.#model.verdict(session, generation, key, now);
    const members = { clientId: session.clientId, ...(key === undefined ? {} : { idempotencyKey: key }) };
    const answer = await this.#attempt(place, fault, (node) => node.tryRefresh(token, members));
    const effects = this.#effects(place);
    this.#judge(session, generation, key, verdict, answer, effects, place);
    if (fault !== undefined) await this.#world.tick();
    return answer;
  }

  #judge(
    session: ModelSession,
    generation: number,
    key: string | undefined,
    verdict: Verdict,
    answer: Answer,
    effects: Effects,
    place: number,
  ): void {
    const { now } = this.#world;
    const said = answer === "error" ? "error" : isRefusal(answer) ? "refused" : "granted";
    this.#count(`${verdict}: ${said}`);
    if (said === "granted") this.#must(verdict !== "refuse", "I1: no token of a session that is over is accepted");
    if (said === "granted") this.#must(verdict !== "replay", "I3: a token whose successor was used is not accepted outside the window");
    if (said === "refused") this.#must(verdict !== "rotate" && verdict !== "retry", "I4: nobody is refused without a reason");
    if (said === "refused" && verdict !== "refuse") {
      this.#must(effects.isLogged && effects.isSwapped, "I5: a replay ends the session before it is refused");
      session.end();
    }
    if (said === "error" && verdict.includes("replay") && effects.isLogged) session.end();
    if (verdict === "rotate" && said !== "refused") {
      this.#must(said === "error" || effects.isSwapped, "what is answered is stored");
      if (effects.isSwapped) {
        session.rotated(generation, now, key);
        // Tokens that a store which went back has forgotten are not this session's future.
        for (const known of session.tokens.keys()) if (known > session.stored.current) session.tokens.delete(known);
      }
    } else if (said === "granted") this.#must(!effects.isSwapped, "a retry writes nothing");
    if (said === "granted") this.#noteSuccessor(session, answer as TokenGrant, place);
  }

  /** I2: everything that is accepted leads to the one current token. */
  #noteSuccessor(session: ModelSession, grant: TokenGrant, place: number): void {
    const { refreshToken = "", sid } = grant;
    this.#must(sid === session.sid, "a session stays itself");
    this.#must(generationOf(refreshToken) === session.stored.current, "I2: the answer is the current token");
    const known = session.tokens.get(session.stored.current);
    // After a roll-back a generation may be made twice, with another MAC key.
    const isMadeAgain = this.outcomes.has("roll back");
    this.#must(known === undefined || known === refreshToken || isMadeAgain, "I2: one generation has one token");
    session.tokens.set(session.stored.current, refreshToken);
    this.#noteAccessToken(session, grant, place);
  }

  async #parallel(session: ModelSession, token: string, { count, node: place }: Command & { do: "parallel" }): Promise<void> {
    const key = this.#newKey();
    const generation = generationOf(token);
    const verdict = this.#model.verdict(session, generation, key, this.#world.now);
    if (verdict === "retry or replay") return;
    for (const node of this.#world.nodes) node.link.forgetCalls();
    const members = { clientId: session.clientId, idempotencyKey: key };
    const answers = await Promise.all(
      Array.from({ length: count }, (_, index) => this.#node((place + index) % 2).tryRefresh(token, members)),
    );
    const effects = [this.#effects(0), this.#effects(1)];
    const all = { isSwapped: effects.some(({ isSwapped }) => isSwapped), isLogged: effects.some(({ isLogged }) => isLogged) };
    const [first] = answers;
    this.#must(
      answers.every((answer) => isRefusal(answer) === isRefusal(first!)),
      "one answer for all who ask at once",
    );
    if (!isRefusal(first!)) {
      this.#must(
        new Set(answers.map((answer) => (answer as TokenGrant).refreshToken)).size === 1,
        "I2: one successor for all who ask at once",
      );
    }
    this.#count("parallel");
    this.#judge(session, generation, key, verdict, first!, all, place);
  }

  /** I4 by the client's own lights: it obeys, so only an end, a theft or a lost login may put it out. */
  async #honest(session: ModelSession, { node: place, isLost, fault }: Command & { do: "honest" }): Promise<void> {
    const holder = this.#holders.get(session)!;
    const { now } = this.#world;
    const { pending } = holder;
    // Nobody promises anything to a client that waits longer before it repeats.
    if (pending !== undefined && now - pending.since > session.timing.keyedRetryWindowMillis) session.isStolen = true;
    const key = pending?.key ?? this.#newKey();
    const hasReason = session.isOver || session.isExpired(now) || session.isStolen;
    const answer = await this.#present(session, holder.token, key, place, fault);
    if (answer === "error" || (isLost && !isRefusal(answer))) {
      holder.pending = { key, since: pending?.since ?? now };
      this.#count("response lost");
      return;
    }
    if (isRefusal(answer)) {
      this.#must(hasReason, "I4: a client that obeys is never logged out without a reason");
      return;
    }
    holder.token = answer.refreshToken ?? "";
    holder.pending = undefined;
  }

  async #thief(session: ModelSession, { node: place, fault }: Command & { do: "thief" }): Promise<void> {
    const token = this.#thieves.get(session);
    if (token === undefined) return;
    session.isStolen = true;
    const answer = await this.#present(session, token, undefined, place, fault);
    if (answer !== "error" && !isRefusal(answer)) this.#thieves.set(session, answer.refreshToken ?? "");
    this.#count("theft");
  }

  async #revoke(session: ModelSession, { node: place, how, fault }: Command & { do: "revoke" }): Promise<void> {
    const token = session.tokens.get(session.stored.current) ?? oldToken(session, 0);
    const accessToken = this.#accessTokens.get(session)!;
    if (how === "log out" && Number(claimsOf(accessToken)["exp"]) * 1_000 <= this.#world.now + CLOCKS_DIFFER_MILLIS) return;
    const answer = await this.#attempt<object | boolean>(place, fault, (node) => {
      if (how === "revoke") return node.issuer.revoke({ client: node.client(session.clientId), token });
      if (how === "log out") return node.logOut(accessToken);
      return node.issuer.endSession({ sub: this.#subs[session.user]!, sid: "" }, session.sid);
    });
    const { isLogged, isSwapped } = this.#effects(place);
    if (answer !== "error") {
      this.#must(answer === true || answer === false || !isRefusal(answer), "an end of one's own session is acknowledged");
      const isStored = session.isOver || session.isExpired(this.#world.now) || (isLogged && isSwapped);
      this.#must(isStored, "what was acknowledged is stored");
    }
    // What is in the log is over on every node, if not at once then after its next turn, which a fault is followed by.
    if (isLogged) session.end();
    this.#count(`revoke: ${answer === "error" ? "error" : "done"}`);
    if (fault !== undefined) await this.#world.tick();
    if (session.isOver) await this.#isInactive(session);
  }

  /** I9. */
  async #isInactive(session: ModelSession): Promise<void> {
    for (const node of this.#world.nodes) {
      const found = await node.issuer.introspect({ client: node.client("service"), token: this.#accessTokens.get(session)! });
      this.#must(JSON.stringify(found) === '{"active":false}', "I9: after the end nothing of a session is active");
    }
  }

  async #revokeWhileUsed(session: ModelSession, { node: place }: Command & { do: "revoke while used" }): Promise<void> {
    const token = session.tokens.get(session.stored.current);
    if (token === undefined) return;
    const isOut = session.isOver || session.isExpired(this.#world.now);
    const used = Promise.all(
      [0, 1].map((each) => this.#node(each).tryRefresh(token, { clientId: session.clientId, idempotencyKey: "one and the same" })),
    );
    const revoker = this.#node(place);
    await revoker.issuer.revoke({ client: revoker.client(session.clientId), token });
    for (const answer of await used) {
      if (isRefusal(answer)) continue;
      this.#must(!isOut, "I1: no token of a session that is over is accepted");
      session.tokens.set(generationOf(answer.refreshToken ?? ""), answer.refreshToken ?? "");
    }
    if (!session.isExpired(this.#world.now) && !session.isLost) session.end();
    this.#count("revoked while used");
    for (const each of session.tokens.values()) await this.#present(session, each, undefined, 1 - place, undefined);
  }

  async #endAll({ node: place, user, how, fault }: Command & { do: "end all" }): Promise<void> {
    const clientId = CLIENTS[user]!;
    const meant = this.#model.sessions.filter(
      (session) => !session.isLost && (how === "client" ? session.clientId === clientId : session.user === user),
    );
    if (meant.some((session) => session.isAtItsEnd(this.#world.now))) return;
    if (how === "subject") {
      const answer = await this.#attempt(place, fault, (node) => node.issuer.endSessions({ sub: this.#subs[user]!, sid: "" }, "none"));
      const { isLogged, isSwapped } = this.#effects(place);
      if (isLogged) for (const session of meant) session.end();
      this.#must(answer === "error" || isSwapped, "what was acknowledged is stored");
      // An end that is only logged may come into force later, for all that began before.
      if (answer === "error" && isLogged && !isSwapped) await this.#world.advance(2 * CLOCKS_DIFFER_MILLIS);
    } else {
      const operator = await this.#world.operator();
      if (how === "password") await operator.changePassword(USERS[user]!, PASSWORD);
      else await operator.endSessions({ of: "client", clientId }, undefined, () => undefined);
      for (const session of meant) session.end();
    }
    this.#count(`end all: ${how}`);
    if (fault !== undefined) await this.#world.tick();
    for (const session of meant) if (session.isOver && !session.isExpired(this.#world.now)) await this.#isInactive(session);
  }

  async #outage({ kind, millis, session: index }: Command & { do: "outage" }): Promise<void> {
    const world = this.#world;
    const from = world.now;
    for (const { link } of world.nodes) link.outage = kind === "done" ? "lost" : kind;
    await world.tick();
    const session = this.#model.sessions[index % this.#model.sessions.length];
    for (const part of [0, 1]) {
      await world.advance(millis / 2);
      if (session === undefined || session.isAtItsEnd(world.now)) continue;
      this.#must(
        (await this.#attempt(part, undefined, (node) => node.tryRefresh(oldToken(session, 0), { clientId: session.clientId }))) === "error",
        "no answer on a guess",
      );
    }
    for (const { link } of world.nodes) link.outage = undefined;
    await world.tick();
    this.#model.down(from, world.now);
    this.#count("outage");
  }
}

function generationOf(token: string): number {
  return parseRefreshToken(token)?.generation ?? 0;
}

/** The session's newest token that somebody holds, or one from so many answers ago. */
function oldToken(session: ModelSession, back: number): string {
  const known = [...session.tokens].toSorted(([a], [b]) => b - a).map(([, token]) => token);
  return known[Math.min(back, known.length - 1)] ?? "";
}
