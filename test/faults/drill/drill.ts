/** One deployment under the load of model clients, while a row breaks things; then the probes. */

import { join } from "node:path";
import { Deployment } from "../../../scripts/figures/support/deployment.ts";
import type { IssuerProcess, StartOptions } from "../../../scripts/figures/support/deployment.ts";
import { streamOf } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { Calls } from "../clients/calls.ts";
import type { World } from "../clients/calls.ts";
import { Ledger } from "../clients/ledger.ts";
import { newParties, PASSWORD } from "../clients/parties.ts";
import type { Parties } from "../clients/parties.ts";
import { Targets } from "../clients/targets.ts";
import type { InvariantId, Rules } from "../history/lines.ts";
import type { NewFault, Recorder } from "../history/recorder.ts";
import type { RowContext } from "../rows/row.ts";
import { followJwks } from "./jwks.ts";
import type { Following } from "./jwks.ts";
import { Load } from "./load.ts";
import { countEvents } from "./events.ts";
import { CROWD, rulesOf, settingsOf } from "./options.ts";
import type { Crowd, DrillOptions } from "./options.ts";
import { presentAssertions, probe } from "./probe.ts";
import { logsIn, secretsIn } from "./secrets.ts";

/** The longest that a drill may need to be well again after its last fault. */
const SETTLE_MILLIS = 1_000;
/** Issuers say so often that one of them is alive. */
const BEAT_MILLIS = 6_000;
const JWKS_EVERY_MILLIS = 500;
const NO_PART = "drill";

interface Parts {
  readonly context: RowContext;
  readonly options: DrillOptions;
  readonly rules: Rules;
  readonly parties: Parties;
  readonly deployment: Deployment;
  readonly recorder: Recorder;
}

/** A drill for the time of `use`, in which the row breaks things; its end, its probes and its remains are looked after. */
export async function withDrill(context: RowContext, options: DrillOptions, use: (drill: Drill) => Promise<void>): Promise<void> {
  const drill = await Drill.make(context, options);
  try {
    await drill.begin();
    await use(drill);
    await drill.finish();
  } finally {
    await drill.remove();
  }
}

export class Drill {
  readonly deployment: Deployment;
  readonly recorder: Recorder;
  readonly targets = new Targets();
  readonly ledger = new Ledger();
  readonly rules: Rules;
  /** By node; undefined while it is down. */
  readonly issuers: (IssuerProcess | undefined)[] = [];
  readonly #parts: Parts;
  readonly #world: World;
  #load: Load | undefined;
  #accounts: readonly string[] = [];
  #jwks: Following | undefined;
  #recoverMillis = 0;

  private constructor(parts: Parts) {
    const { deployment, recorder, parties, rules } = parts;
    this.#parts = parts;
    this.deployment = deployment;
    this.recorder = recorder;
    this.rules = rules;
    this.#world = { recorder, targets: this.targets, parties, issuer: deployment.issuer };
  }

  static async make(context: RowContext, options: DrillOptions): Promise<Drill> {
    const rules = rulesOf({ isTimed: context.isTimed, ...options.rules });
    const parties = newParties();
    const settings = settingsOf(rules, parties, options.settings);
    const deployment = await Deployment.make({ store: options.store, settings, main: context.main });
    return new Drill({ context, options, rules, parties, deployment, recorder: context.record(rules, options.part) });
  }

  /** Starts the issuers, then the load. */
  async begin(): Promise<void> {
    const { options, deployment } = this.#parts;
    const crowd = { ...CROWD, ...options.crowd };
    for (let node = 0; node < (options.issuers ?? 2); node += 1) await this.startNode(node);
    const accounts = await deployment.addUsers("user", crowd.passwordUsers, PASSWORD);
    this.#jwks = followJwks(this.targets, this.recorder, options.jwksEveryMillis ?? JWKS_EVERY_MILLIS);
    this.#accounts = accounts;
    this.#load = this.load(crowd);
    await pause(SETTLE_MILLIS);
  }

  /** More clients, to be stopped before the drill ends. */
  load(crowd: Crowd, prefix = ""): Load {
    const { context } = this.#parts;
    const common = { world: this.#world, ledger: this.ledger, rules: this.rules, seed: context.seed, accounts: this.#accounts };
    return new Load({ ...common, crowd, prefix });
  }

  /** A prober's calls, for what a row does itself. */
  prober(name: string, isProbe = false): Calls {
    return new Calls(this.#world, name, streamOf(this.#parts.context.seed, name), "prober", isProbe);
  }

  /** A prober's calls of one issuer, as long as that takes connections. */
  proberOf(node: number): Calls {
    return new Calls(this.#world, `prober of ${node}`, () => node, "prober");
  }

  /** Resolves when it is ready; clients find it then. */
  async startNode(node: number, more: StartOptions = {}): Promise<IssuerProcess> {
    const { context, options, deployment } = this.#parts;
    const logPath = join(context.folder, `${options.part ?? NO_PART}-issuer-${node}.log`);
    const env = { ...options.envOf?.(node), ...more.env };
    const began = this.recorder.now();
    const on = options.hostOf?.(node);
    const process = await deployment.startIssuer({ logPath, ...(on === undefined ? {} : { on }), ...more, env });
    this.recorder.uncounted(began - BEAT_MILLIS, this.recorder.now(), "an issuer started, and knows that another lived by its last beat");
    this.issuers[node] = process;
    this.targets.set(node, process.client);
    return process;
  }

  /** SIGKILL; clients try to reach it on. */
  async killNode(node: number): Promise<void> {
    await this.issuers[node]?.kill();
    this.issuers[node] = undefined;
  }

  /** SIGTERM where it has not ended yet; clients try to reach it on. */
  async stopNode(node: number): Promise<void> {
    await this.issuers[node]?.stop();
    this.issuers[node] = undefined;
  }

  /** Breaks something for the time of `work`. */
  async during<T>(fault: NewFault, work: () => Promise<T>): Promise<T> {
    this.#recoverMillis = fault.recoverMillis;
    return this.recorder.during(fault, work);
  }

  /** Used assertions are presented again: none is taken. */
  presentAssertions(): Promise<void> {
    return presentAssertions(this.prober("assertions"), this.ledger);
  }

  /** What only this row is about: said in the history, and a violation where it is not so. */
  expect(what: string, holds: boolean): void {
    this.told("row", what, holds);
  }

  /** The same of an invariant that is not to be seen in answers. */
  told(invariant: InvariantId | "row", what: string, holds: boolean): void {
    this.recorder.fact({ fact: "expected", invariant, what, holds });
  }

  /** Something to report. */
  count(name: string, count: number): void {
    this.recorder.fact({ fact: "counted", name, count });
  }

  /** Waits until the last fault must be over, and lets the clients finish. */
  async quieten(): Promise<void> {
    await pause(this.#recoverMillis + SETTLE_MILLIS);
    await this.#load?.stop();
    this.#recoverMillis = 0;
  }

  /** Quiet; then probes every session, and looks for secrets. */
  async finish(): Promise<void> {
    await this.quieten();
    await probe(this.prober("probe", true), this.ledger);
    await this.#jwks?.stop();
    for (const [node, issuer] of this.issuers.entries()) {
      if (issuer !== undefined) this.expect(`issuer ${node} goes on`, !issuer.child.hasEnded());
    }
    await this.#lookForSecrets();
  }

  async #lookForSecrets(): Promise<void> {
    const { context, options, parties } = this.#parts;
    const logs = logsIn(context.folder, options.part ?? NO_PART);
    const places = [...logs, ...((await options.written?.()) ?? [])];
    for (const secret of secretsIn(places, parties)) this.told("I11", `no ${secret}`, false);
    for (const [name, count] of countEvents(logs.map(([, text]) => text.toString()))) this.recorder.fact({ fact: "counted", name, count });
  }

  /** Ends everything, also half-way. */
  async remove(): Promise<void> {
    await this.#jwks?.stop();
    await this.#load?.stop().catch(() => undefined);
    await this.deployment.remove();
  }
}
