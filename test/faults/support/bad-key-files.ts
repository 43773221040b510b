/**
 * What can be wrong with the file of a key. The ids are those of the rows about keys in the list of bad inputs; what is written out
 * besides is of the same kinds.
 */

import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

export interface BadKeyFile {
  readonly id?: string;
  readonly what: string;
  /** `text`: the good file. `another`: that of another key. */
  spoil(path: string, text: string, another: string): void;
  readonly env?: Readonly<Record<string, string>>;
  /** The start has to be by a user whom permissions bind. */
  readonly asUser?: true;
}

function written(what: string, text: (good: string, another: string) => string, id?: string): BadKeyFile {
  return { what, ...(id === undefined ? {} : { id }), spoil: (path, good, another) => writeFileSync(path, text(good, another)) };
}

/** The members of a good file, changed. */
function changed(change: (jwk: Record<string, unknown>) => Record<string, unknown>): (good: string) => string {
  return (good) => JSON.stringify(change(JSON.parse(good) as Record<string, unknown>));
}

const RSA = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export({ format: "jwk" });
const ENCRYPTED = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "nobody is asked for it" })
  .toString();

export const BAD_KEY_FILES: readonly BadKeyFile[] = [
  { id: "ky-001", what: "missing", spoil: (path) => rmSync(path) },
  { id: "ky-002", what: "mode 000", spoil: (path) => chmodSync(path, 0o000), asUser: true },
  { id: "ky-004", what: "open to others, in production", spoil: (path) => chmodSync(path, 0o644), env: { NODE_ENV: "production" } },
  written("an RSA key", () => JSON.stringify(RSA), "ky-005"),
  written(
    "the public part only",
    changed(({ d: _, ...jwk }) => jwk),
    "ky-007",
  ),
  written("an encrypted PEM", () => ENCRYPTED, "ky-008"),
  { id: "ky-010", what: "the same key twice", spoil: (path, good) => writeFileSync(path.replace(/json$/, "jwe"), good, { mode: 0o600 }) },
  written(
    "a kid that is a path",
    changed((jwk) => ({ ...jwk, kid: "../x" })),
    "ky-011",
  ),
  written(
    "a kid with NUL",
    changed((jwk) => ({ ...jwk, kid: "a\0" })),
    "ky-011",
  ),
  written(
    "a kid of 5,000 characters",
    changed((jwk) => ({ ...jwk, kid: "k".repeat(5_000) })),
    "ky-011",
  ),
  written(
    "a kid that is an emoji",
    changed((jwk) => ({ ...jwk, kid: "🔑" })),
    "ky-011",
  ),
  written("a byte order mark", (good) => `\ufeff${good}`, "ky-014"),
  written("a trailing comma", (good) => good.replace(/\n?\}\s*$/, ",}"), "ky-014"),
  written("a member twice", (good) => good.replace("{", '{"kid":"a",'), "ky-014"),
  written("a blank line", () => "\r\n", "ky-014"),
  written("empty", () => ""),
  written("truncated", (good) => good.slice(0, good.length / 2)),
  written("of another key", (_, another) => another),
  written("a JSON array", () => "[]"),
  { what: "zeros, as after a power cut", spoil: (path, good) => writeFileSync(path, Buffer.alloc(good.length)) },
  { what: "too large", spoil: (path, good) => writeFileSync(path, good + " ".repeat(100_000)) },
  {
    what: "a folder",
    spoil(path) {
      rmSync(path);
      mkdirSync(path);
    },
  },
];

/** Rows of the list that no file of a node's is about, and where they are looked at. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "ky-013": "an active key goes on past its planned end while the disk is full: the other part of F20",
  "ky-016": "the other part of F20",
  "ky-017": "test/jws/jwk.test.ts",
};
