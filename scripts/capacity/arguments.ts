/** The command line: what it asks for, or the one line that says what is wrong with it. */

import { parseArgs } from "node:util";
import { COST_NAMES, type CostName, type Costs, type FlowName, FLOWS, MEASURED_COSTS } from "./costs.ts";
import type { Assumptions } from "./model.ts";
import { boundsOf, DEFAULT_PARAMETERS, PARAMETER_NAMES, type ParameterName } from "./parameters.ts";

export const SIZES: readonly number[] = [1e4, 1e6, 1e8, 1e9];
const SESSIONS_MAX = 1e12;

export interface Request {
  readonly sizes: readonly number[];
  readonly assumptions: Assumptions;
  /** The options whose value was given. */
  readonly given: ReadonlySet<string>;
  readonly output: "text" | "json" | "write" | "help";
}

export interface Fault {
  readonly fault: string;
}

const OUTPUTS = ["json", "write", "help"] as const;

export function readArguments(argv: readonly string[]): Request | Fault {
  try {
    return requestOf(valuesOf(argv));
  } catch (error) {
    if (error instanceof RangeError) return { fault: error.message };
    if (error instanceof TypeError && "code" in error) return { fault: `${error.message.split(/\.(?:\s|$)/)[0]}: see --help` };
    throw error;
  }
}

/** Throws node's `TypeError` with a code for what is no option. */
function valuesOf(argv: readonly string[]) {
  const costs = FLOWS.flatMap((flow) => COST_NAMES.map((cost) => optionOf(flow, cost)));
  const numbers = [...PARAMETER_NAMES, ...costs].map((name) => [name, { type: "string" }] as const);
  const outputs = OUTPUTS.map((name) => [name, { type: "boolean" }] as const);
  const options = { ...Object.fromEntries([...numbers, ...outputs]), sessions: { type: "string", multiple: true } } as const;
  return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values as Readonly<
    Record<string, string | boolean | readonly string[] | undefined>
  >;
}

export function optionOf(flow: FlowName, cost: CostName): string {
  return `${flow}-${cost}`;
}

/** Throws `RangeError`, one line for people. */
function requestOf(values: ReturnType<typeof valuesOf>): Request {
  const { sessions } = values;
  const asked = Array.isArray(sessions) ? sessions.flatMap((text: string) => text.split(",")) : [];
  const outputs = OUTPUTS.filter((name) => values[name] === true);
  const given = new Set(Object.keys(values).filter((name) => typeof values[name] === "string"));
  if (outputs.length > 1) throw new RangeError(`--${outputs.join(" and --")}: one of them`);
  if (outputs[0] === "write" && (asked.length > 0 || given.size > 0))
    throw new RangeError("--write takes no other option: the page shows the defaults");
  const read = (name: string, fallback: number, least: number, most: number): number => {
    const value = values[name];
    return typeof value === "string" ? numberOf(name, value, least, most) : fallback;
  };
  const parameters = Object.fromEntries(
    PARAMETER_NAMES.map((name) => [name, read(name, DEFAULT_PARAMETERS[name], boundsOf(name).least, boundsOf(name).most)]),
  ) as Record<ParameterName, number>;
  const costsOf = (flow: FlowName) => COST_NAMES.map((cost) => [cost, read(optionOf(flow, cost), MEASURED_COSTS[flow][cost], 0, Infinity)]);
  const costs = Object.fromEntries(FLOWS.map((flow) => [flow, Object.fromEntries(costsOf(flow))])) as Costs;
  return {
    sizes: asked.length === 0 ? SIZES : asked.map((text) => numberOf("sessions", text, 1, SESSIONS_MAX)),
    assumptions: { parameters, costs },
    given,
    output: outputs[0] ?? "text",
  };
}

const NUMBER = /^(\d+(?:\.\d+)?(?:e\d{1,2})?)([kMG]?)$/;
const MULTIPLES: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

function numberOf(name: string, text: string, least: number, most: number): number {
  const [, digits, suffix = ""] = NUMBER.exec(text) ?? [];
  const value = digits === undefined ? Number.NaN : Number(digits) * (MULTIPLES[suffix] ?? Number.NaN);
  if (value >= least && value <= most && Number.isFinite(value)) return value;
  const range = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  throw new RangeError(`--${name} is a number, ${range} (also 250k, 1.5M, 1G), not ${JSON.stringify(text)}`);
}
