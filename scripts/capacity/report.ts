/** What the terminal and the page show of the model's results: the same rows for both. */

import { type Capacity, capacityOf, type Assumptions, type Need } from "./model.ts";
import { bitsText, bytesText, numberText, secondsText } from "./numbers.ts";

export type Table = readonly (readonly string[])[];

const perSecond = (rate: number): string => `${numberText(rate)}/s`;

const ROWS: readonly (readonly [label: string, cell: (capacity: Capacity) => string])[] = [
  ["refreshes", ({ rates }) => perSecond(rates.refresh)],
  ["logins, ends", ({ rates }) => `${perSecond(rates["password-login"] + rates["assertion-login"])}, ${perSecond(rates.end)}`],
  ["writes that wait for a replica", ({ confirmedWritesPerSecond }) => perSecond(confirmedWritesPerSecond)],
  ["Redis memory: sessions", ({ memory }) => bytesText(memory.sessions)],
  ["Redis memory: accounts", ({ memory }) => bytesText(memory.accounts)],
  ["Redis memory: what has ended", ({ memory }) => bytesText(memory.endedSubjects + memory.assertionIds + memory.endsLog)],
  ["Redis memory: data", ({ memory }) => bytesText(memory.total)],
  ["shards by memory, by commands", ({ shards }) => `${numberText(shards.byMemory)}, ${numberText(shards.byCommands)}`],
  ["shards", ({ shards }) => numberText(shards.count)],
  ["Redis processes, memory to provide", ({ shards }) => `${numberText(shards.processes)}, ${bytesText(shards.provided)}`],
  [
    "issuer cores: requests, hashes",
    ({ issuer }) =>
      `${numberText(issuer.requestCores + issuer.hashCores)}: ${numberText(issuer.requestCores)}, ${numberText(issuer.hashCores)}`,
  ],
  ["issuer processes, at least", ({ issuer }) => numberText(issuer.processes)],
  ["network: clients", ({ network }) => bitsText(network.edgeBits)],
  ["network: issuers and Redis", ({ network }) => bitsText(network.redisBits)],
  ["network: replication", ({ network }) => bitsText(network.replicationBits)],
  ["append-only files grow, per hour", ({ file }) => bytesText(file.bytesPerHour)],
  ["a rewrite of a shard's file", ({ file }) => `${secondsText(file.rewriteSeconds)}, copies ${bytesText(file.copiedBytes)}`],
  ["log of ends: of its one shard", ({ needs }) => `${numberText(logOf(needs) * 100)} %`],
  ["log of ends: a starting issuer reads for", ({ endsLog }) => secondsText(endsLog.assertSeconds)],
  ["what limits first", ({ needs }) => firstLimit(needs)],
];
/** A head, and a row per result; a column per size. */
export function resultTable(sizes: readonly number[], assumptions: Assumptions): Table {
  const capacities = sizes.map((sessions) => capacityOf(sessions, assumptions));
  return [["sessions", ...sizes.map(numberText)], ...ROWS.map(([label, cell]) => [label, ...capacities.map(cell)])];
}

function logOf(needs: readonly Need[]): number {
  return needs.find(({ canBeAdded }) => !canBeAdded)?.units ?? 0;
}
/** Where nothing needs more than one of its kind, there is no limit yet. */
function firstLimit([first]: readonly Need[]): string {
  if (first === undefined) return "";
  if (first.units <= 1) return `nothing yet; next ${first.resource}`;
  return `${first.resource}: ${numberText(first.units)} ${first.unit}`;
}
