/** What the text and the flat lists that Redis answers with say. Pure. */

/** The fields of `INFO`. */
export function infoFields(info: unknown): Readonly<Record<string, string>> {
  const lines = String(info).split("\r\n");
  return Object.fromEntries(
    lines.flatMap((line) => (/^[^#:]+:/.test(line) ? [[line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]] : [])),
  );
}

/** Name and value by turns, as `SENTINEL MASTER` answers. */
export function pairs(reply: unknown): Readonly<Record<string, string>> {
  const items = Array.isArray(reply) ? reply.map(String) : [];
  return Object.fromEntries(items.flatMap((name, index) => (index % 2 === 0 ? [[name, items[index + 1] ?? ""]] : [])));
}

export function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}
