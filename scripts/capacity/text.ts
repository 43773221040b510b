/** The terminal's form. */

import { optionOf, type Request } from "./arguments.ts";
import { COST_NAMES, COSTS, FLOWS } from "./costs.ts";
import { DEFAULT_PARAMETERS, PARAMETER_NAMES, PARAMETERS } from "./parameters.ts";
import { resultTable, type Table } from "./report.ts";

export function capacityText({ sizes, assumptions, given }: Request): string {
  const { parameters, costs } = assumptions;
  const mark = (option: string): string => (given.has(option) ? "*" : "");
  const costTable = [
    ["per request", ...COST_NAMES],
    ...FLOWS.map((flow) => [flow, ...COST_NAMES.map((cost) => `${costs[flow][cost]}${mark(optionOf(flow, cost))}`)]),
  ];
  const parameterTable = PARAMETER_NAMES.map((name) => {
    const { what, from } = PARAMETERS[name];
    return [name, `${parameters[name]}${mark(name)}`, mark(name) === "" ? from : "given", what];
  });
  return [
    aligned(resultTable(sizes, assumptions)),
    `what a request costs (npm run bench -- costs)\n${aligned(costTable)}`,
    `assumptions (from "bench X": measured by npm run bench -- X)\n${aligned(parameterTable)}`,
    ...(given.size === 0 ? [] : ["* given on the command line"]),
  ].join("\n\n");
}

export function helpText(): string {
  const costs = Object.entries(COSTS).map(([name, what]) => [`  --FLOW-${name} N`, what]);
  const parameters = PARAMETER_NAMES.map((name) => [`  --${name} N`, `${PARAMETERS[name].what} (${DEFAULT_PARAMETERS[name]})`]);
  return `Usage: node scripts/capacity.ts [--sessions N[,N…]] [options]

What so many sessions cost in Redis memory, shards, issuer cores and network, by the model of docs/capacity.md. Numbers also as 250k, 1.5M, 1G.

  --json   the results and every assumption
  --write  puts the defaults' table into docs/capacity.md
  --help

${aligned(parameters)}

What one request costs; FLOW is one of ${FLOWS.join(", ")}:
${aligned(costs)}`;
}

/** Columns as wide as their widest cell. */
function aligned(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
