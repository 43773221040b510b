/** The generated tables of docs/capacity.md, each between two comments that name it. */

import { SIZES } from "./arguments.ts";
import { COST_NAMES, COSTS, FLOWS, MEASURED_COSTS } from "./costs.ts";
import { DEFAULT_PARAMETERS, PARAMETER_NAMES, PARAMETERS } from "./parameters.ts";
import { resultTable, type Table } from "./report.ts";

const DEFAULTS = { parameters: DEFAULT_PARAMETERS, costs: MEASURED_COSTS };

const TABLES: Readonly<Record<string, () => Table>> = {
  "a tenth active": () => resultTable(SIZES, DEFAULTS),
  "all active": () => resultTable(SIZES, { ...DEFAULTS, parameters: { ...DEFAULT_PARAMETERS, "active-share": 1 } }),
  costs: () => [
    ["cost", ...FLOWS, "what it is"],
    ...COST_NAMES.map((cost) => [`\`${cost}\``, ...FLOWS.map((flow) => String(MEASURED_COSTS[flow][cost])), COSTS[cost]]),
  ],
  assumptions: () => [
    ["option", "default", "what it is", "from"],
    ...PARAMETER_NAMES.map((name) => [`\`--${name}\``, String(DEFAULT_PARAMETERS[name]), PARAMETERS[name].what, PARAMETERS[name].from]),
  ],
};

/** The page with its tables as the model has them now. Throws where a table has no place. */
export function pageInStep(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, table]) => {
    const [start, end] = [`<!-- table: ${name} -->\n`, `<!-- end of ${name} -->`];
    const [before, rest] = splitOnce(text, start, name);
    const [, after] = splitOnce(rest, end, name);
    return `${before}${start}\n${markdown(table())}\n\n${end}${after}`;
  }, page);
}

function splitOnce(text: string, mark: string, name: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`docs/capacity.md has no place for the table "${name}"`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

function markdown([head = [], ...rows]: Table): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
