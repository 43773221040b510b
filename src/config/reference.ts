/** The JSON Schema and the tables of docs/configuration.md, made from the readers. */

import { configDocument } from "./document.ts";
import { VARIABLES } from "./environment.ts";
import type { JsonSchema, Member, Members } from "./reader.ts";

/** What mintmark.schema.json holds. */
export function configSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "mintmark configuration",
    description: "What stands in mintmark.config.json. Some rules between members are checked by `mintmark config check` only.",
    ...configDocument.schema,
  };
}

export interface ReferenceRow {
  /** Such as `clients[].idleLifetime`. */
  readonly path: string;
  readonly variable: string;
  readonly meaning: string;
  readonly byDefault: string;
  readonly expected: string;
}

/** One row for each member, sections before their members. */
export function configReference(): readonly ReferenceRow[] {
  const variables = new Map(Object.entries(VARIABLES).map(([name, { member }]) => [member?.join("."), name]));
  return rowsOf(configDocument.members ?? {}, "", variables);
}

function rowsOf(members: Members, prefix: string, variables: ReadonlyMap<string | undefined, string>): ReferenceRow[] {
  return Object.entries(members).flatMap(([name, member]) => {
    const path = `${prefix}${name}`;
    const row = {
      path,
      variable: variables.get(path) ?? "",
      meaning: member.meaning,
      byDefault: defaultOf(member),
      expected: member.reader.expected,
    };
    const inner = member.reader.members;
    const isList = member.reader.schema["type"] === "array";
    return inner === undefined ? [row] : [row, ...rowsOf(inner, isList ? `${path}[].` : `${path}.`, variables)];
  });
}

function defaultOf(member: Member): string {
  if (member.needed === "required") return "required";
  return member.fallback === undefined ? (member.otherwise ?? "none") : JSON.stringify(member.fallback);
}

/** The rows as a Markdown table. */
export function configTable(): string {
  const cells = configReference().map(({ path, variable, meaning, byDefault, expected }) => [
    `\`${path}\``,
    variable === "" ? "" : `\`${variable}\``,
    meaning,
    byDefault === "required" || byDefault === "none" ? byDefault : `\`${byDefault}\``,
    expected,
  ]);
  const lines = [
    ["member", "environment variable", "meaning", "default", "what is accepted"],
    ["---", "---", "---", "---", "---"],
    ...cells,
  ];
  return lines.map((line) => `| ${line.map(escapeCell).join(" | ")} |`).join("\n");
}

function escapeCell(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("|", "\\|");
}
