/** Makes any value fit for a log line: bounded, without secrets, and without characters that do something. */

const MAX_FIELDS = 32;
const MAX_DEPTH = 4;
const MAX_TEXT = 1_024;
const MAX_LINE = 16_384;
const REDACTED = "[redacted]";

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type SafeFields = Readonly<Record<string, Json>>;

/** Compared with names in lower case and without `-` and `_`: `refresh_token`, `refreshToken` and `Refresh-Token` are one. */
const SECRET_NAME =
  /passw(or)?d|secret|credential|authorization|cookie|assertion|idempotency|passphrase|privatekey|encryptionkey|mackey|apikey|token(?!type|s$|lifetime)/;

/** Members of private JWKs (RFC 7518 §6). */
const SECRET_JWK_MEMBERS: ReadonlySet<string> = new Set(["d", "k"]);

/** A refresh token of ours, or anything that begins like a compact JWS or JWE (`{"` in base64url). */
const SECRET_TEXT = /mmr_[\w-]{16,}|eyJ[\w-]{8,}(?:\.[\w-]*)*/g;

/** DEL, C1 controls (a terminal obeys them), line separators, zero-width and bidirectional marks. JSON escapes C0 itself. */
const ACTIVE_CHARACTERS = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** What a line's fields may become. Reads every value by hand: no `toJSON`, no getter that throws gets through. */
export function safeFields(fields: Readonly<Record<string, unknown>>): SafeFields {
  return safeObject(fields, 0);
}

/** The line with its newline. The head's members win over fields of the same name; what is too long loses its fields. */
export function encodeLine(head: SafeFields, fields: SafeFields): string {
  const line = escapeActive(JSON.stringify({ ...head, ...without(fields, head) }));
  if (line.length <= MAX_LINE) return `${line}\n`;
  return `${escapeActive(JSON.stringify({ ...head, truncated: true }))}\n`;
}

function without(fields: SafeFields, head: SafeFields): SafeFields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(head, name)));
}

function escapeActive(json: string): string {
  return json.replace(ACTIVE_CHARACTERS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function safeObject(value: object, depth: number): SafeFields {
  const safe: [string, Json][] = [];
  for (const name of ownNames(value).slice(0, MAX_FIELDS)) {
    if (isSecretName(name)) {
      safe.push([safeText(name), REDACTED]);
      continue;
    }
    const member = safeValue(read(value, name), depth + 1);
    if (member !== undefined) safe.push([safeText(name), member]);
  }
  return Object.fromEntries(safe);
}

function safeValue(value: unknown, depth: number): Json | undefined {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return safeText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return safeText(value.toString());
  if (typeof value !== "object") return undefined;
  if (value instanceof Error) return safeError(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (depth > MAX_DEPTH) return "[deeper]";
  if (Array.isArray(value)) return value.slice(0, MAX_FIELDS).map((item) => safeValue(item, depth + 1) ?? null);
  return safeObject(value, depth);
}

/** Errors carry more than they should: Redis clients' hold the command with its arguments. */
function safeError(error: Error): Json {
  const code = read(error, "code");
  return {
    name: safeText(String(read(error, "name"))),
    ...(typeof code === "string" ? { code: safeText(code) } : {}),
    message: safeText(String(read(error, "message"))),
  };
}

function safeText(text: string): string {
  // Cut after looking: half a token is still half a secret.
  const shown = text.length > MAX_LINE ? text.slice(0, MAX_LINE) : text;
  const clean = shown.replace(SECRET_TEXT, REDACTED);
  return clean.length > MAX_TEXT || shown.length < text.length ? `${clean.slice(0, MAX_TEXT)}…` : clean;
}

function isSecretName(name: string): boolean {
  return SECRET_JWK_MEMBERS.has(name) || SECRET_NAME.test(name.toLowerCase().replace(/[-_]/g, ""));
}

function ownNames(value: object): string[] {
  try {
    return Object.keys(value);
  } catch {
    return [];
  }
}

function read(value: object, name: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>>)[name];
  } catch {
    return "[unreadable]";
  }
}
