/**
 * A stand-in for the transit engine of Vault, written from the documentation of its HTTP API, with real cryptography. Stricter than the
 * engine: what it isn't told of (members, headers, spellings) it refuses. OpenBao itself is in openbao.ts; the same tests run on both.
 */

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

type Members = Readonly<Record<string, unknown>>;

export interface VaultServer {
  readonly address: string;
  readonly namespace: string | undefined;
  /** A token with all rights. */
  readonly operatorToken: string;
  /** A new token with the rights that the documentation asks for. */
  newToken(): Promise<string>;
  revokeToken(token: string): Promise<void>;
  /** What an operator with all rights does; `path` is below `v1/transit/`. Throws where it is refused. */
  operate(method: string, path: string, body?: Members): Promise<Members>;
  seal(): Promise<void>;
  unseal(): Promise<void>;
  remove(): Promise<void>;
}

export interface OddAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface VaultStandIn extends VaultServer {
  /** The token that was seen last, good or not. */
  readonly lastToken: string;
  /** Each answer is late by this. */
  delayMillis: number;
  /** Answers in the server's place, after token and namespace were checked; undefined: as ever. */
  odd: (asked: string) => OddAnswer | undefined;
}

interface StoredKey {
  readonly type: "ecdsa-p256" | "ed25519" | "aes256-gcm96";
  readonly versions: (KeyObject | undefined)[];
  readonly isDerived: boolean;
  deletionAllowed: boolean;
  minDecryption: number;
  minEncryption: number;
}

/** Thrown for any answer that is no 2xx. */
class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, ...errors: readonly string[]) {
    super(`${status} ${errors.join()}`);
    this.status = status;
    this.errors = errors;
  }
}

const ROOT = "root-of-the-stand-in";
const HEADERS = ["host", "connection", "accept", "accept-language", "accept-encoding", "sec-fetch-mode", "user-agent", "content-length"];
const OURS = ["content-type", "x-vault-token", "x-vault-namespace", "x-vault-request"];

export async function startVaultStandIn({ namespace }: { namespace?: string } = {}): Promise<VaultStandIn> {
  const keys = new Map<string, StoredKey>();
  const tokens = new Set([ROOT]);
  const rules = { lastToken: "", delayMillis: 0, odd: (_: string): OddAnswer | undefined => undefined };
  let isSealed = false;

  async function answer(request: IncomingMessage): Promise<OddAnswer> {
    const { method = "", url = "", headers } = request;
    const text = `${method} ${url}`;
    const body = headers["content-length"] === undefined || headers["content-length"] === "0" ? {} : ((await json(request)) as Members);
    // A test that is over waits for no answer that nobody wants any more.
    if (rules.delayMillis > 0) await new Promise((resolve) => setTimeout(resolve, rules.delayMillis).unref());
    if (isSealed) throw new Refusal(503, "Vault is sealed");
    const strange = Object.keys(headers).find((name) => ![...HEADERS, ...OURS].includes(name));
    if (strange !== undefined) throw new Refusal(400, `unknown header ${strange}`);
    if (headers["x-vault-request"] !== "true") throw new Refusal(412, "missing request header");
    if (headers["x-vault-namespace"] !== namespace) throw new Refusal(404, "namespace not found");
    if (method === "POST" && headers["content-type"] !== "application/json") throw new Refusal(400, "no JSON");
    rules.lastToken = String(headers["x-vault-token"] ?? "");
    if (!tokens.has(rules.lastToken)) throw new Refusal(403, "permission denied");
    const odd = rules.odd(text);
    if (odd !== undefined) return odd;
    const [, path] = /^\/v1\/transit\/([\w./-]+)$/.exec(url) ?? [];
    if (path === undefined) throw new Refusal(404, `no handler for route "${url}". route entry not found.`);
    const data = engine(method, path, body);
    return data === undefined
      ? { status: 204 }
      : { status: 200, body: JSON.stringify({ request_id: "1", lease_id: "", data, warnings: null }) };
  }

  function engine(method: string, path: string, body: Members): Members | undefined {
    const [kind = "", name = "", more] = path.split("/");
    const route = [method, kind, ...(kind === "keys" && more !== undefined ? [more] : [])].join(" ");
    switch (route) {
      case "POST keys":
        return create(name, membersOf(body, ["type", "exportable", "allow_plaintext_backup", "derived"]));
      case "GET keys":
        return shown(name, find(name, 404));
      case "DELETE keys":
        if (!find(name, 400, `error deleting policy ${name}: could not delete key; not found`).deletionAllowed)
          throw new Refusal(400, `error deleting policy ${name}: deletion is not allowed for this key`);
        keys.delete(name);
        return undefined;
      case "POST keys config":
        return configure(name, membersOf(body, ["deletion_allowed", "min_decryption_version", "min_encryption_version"]));
      case "POST keys rotate":
        find(name, 400, "key not found").versions.push(newVersion(find(name, 400).type));
        return shown(name, find(name, 404));
      case "POST sign":
        return signed(find(name, 400, "signing key not found"), more, membersOf(body, ["input", "key_version", "marshaling_algorithm"]));
      default:
        throw new Refusal(405, `unsupported operation ${route}`);
    }
  }

  function find(name: string, status: number, ...errors: readonly string[]): StoredKey {
    const key = keys.get(name);
    if (key === undefined) throw new Refusal(status, ...errors);
    return key;
  }

  function create(name: string, body: Members): Members {
    const { type = "aes256-gcm96", exportable = false, allow_plaintext_backup: backup = false, derived = false } = body;
    if (type !== "ecdsa-p256" && type !== "ed25519" && type !== "aes256-gcm96") throw new Refusal(400, `unknown key type ${String(type)}`);
    if (exportable !== false || backup !== false) throw new Refusal(400, "a key that can leave is not what these tests make");
    const key: StoredKey = {
      type,
      versions: [newVersion(type)],
      isDerived: derived === true,
      deletionAllowed: false,
      minDecryption: 1,
      minEncryption: 0,
    };
    // As the engine: a key that is there stays as it is.
    if (!keys.has(name)) keys.set(name, key);
    return shown(name, find(name, 404));
  }

  function configure(name: string, body: Members): Members {
    const key = find(name, 400, `no existing key named ${name} could be found`);
    const { deletion_allowed: allowed, min_decryption_version: decryption, min_encryption_version: encryption } = body;
    if (typeof allowed === "boolean") key.deletionAllowed = allowed;
    if (typeof decryption === "number") key.minDecryption = decryption;
    if (typeof encryption === "number") key.minEncryption = encryption;
    return shown(name, key);
  }

  const server = createServer((request, response) => {
    void answer(request)
      .catch((error: unknown): OddAnswer => {
        if (error instanceof Refusal) return { status: error.status, body: JSON.stringify({ errors: error.errors }) };
        return { status: 500, body: JSON.stringify({ errors: [String(error)] }) };
      })
      .then(({ status, headers, body }) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return Object.assign(rules, {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace,
    operatorToken: ROOT,
    async newToken() {
      const token = `s.${randomBytes(18).toString("base64url")}`;
      tokens.add(token);
      return token;
    },
    revokeToken: async (token: string) => void tokens.delete(token),
    operate: async (method: string, path: string, body: Members = {}) => engine(method, path, body) ?? {},
    seal: async () => void (isSealed = true),
    unseal: async () => void (isSealed = false),
    async remove() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function membersOf(body: Members, known: readonly string[]): Members {
  const strange = Object.keys(body).find((name) => !known.includes(name));
  if (strange !== undefined) throw new Refusal(400, `unknown member ${strange}`);
  return body;
}

function newVersion(type: StoredKey["type"]): KeyObject | undefined {
  if (type === "aes256-gcm96") return undefined;
  return type === "ed25519" ? generateKeyPairSync("ed25519").privateKey : generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function shown(name: string, { type, versions, isDerived, deletionAllowed, minDecryption, minEncryption }: StoredKey): Members {
  const entries = versions.map((key, index): [string, unknown] => [
    String(index + 1),
    key === undefined ? 1_795_866_335 : shownVersion(type, key),
  ]);
  return {
    name,
    type,
    keys: Object.fromEntries(entries.filter((_, index) => index + 1 >= minDecryption)),
    latest_version: versions.length,
    min_available_version: 0,
    min_decryption_version: minDecryption,
    min_encryption_version: minEncryption,
    deletion_allowed: deletionAllowed,
    derived: isDerived,
    exportable: false,
    allow_plaintext_backup: false,
    supports_signing: type !== "aes256-gcm96",
  };
}

function shownVersion(type: StoredKey["type"], key: KeyObject): Members {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  if (type === "ed25519") return { name: "ed25519", public_key: Buffer.from(x, "base64url").toString("base64") };
  // RFC 5480 §2: an uncompressed point on P-256 is these bytes, x and y.
  const point = Buffer.concat([
    Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex"),
    Buffer.from(x, "base64url"),
    Buffer.from(y, "base64url"),
  ]);
  const lines = point.toString("base64").replace(/.{64}/g, "$&\n");
  return { name: "P-256", public_key: `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n` };
}

function signed({ type, versions, minDecryption, minEncryption }: StoredKey, digest: string | undefined, body: Members): Members {
  const { input, key_version: version, marshaling_algorithm: marshaling = "asn1" } = body;
  if (type === "aes256-gcm96") throw new Refusal(400, `key type ${type} does not support signing`);
  // The engine would take the latest version. Who leaves it out signs with another key one day.
  if (typeof version !== "number" || version < 1) throw new Refusal(400, "no key_version");
  const bytes = Buffer.from(String(input), "base64");
  if (typeof input !== "string" || bytes.toString("base64") !== input) throw new Refusal(400, "unable to decode input as base64");
  if (version > versions.length) throw new Refusal(500, "requested version for signing is higher than the latest key version");
  if (version < minEncryption) throw new Refusal(500, "requested version for signing is less than the minimum encryption key version");
  const key = versions[version - 1];
  if (key === undefined || version < minDecryption) throw new Refusal(500, "no such key version");
  const prefix = `vault:v${version}:`;
  if (type === "ed25519") {
    if (digest !== undefined || marshaling !== "asn1") throw new Refusal(400, "Ed25519 has its own hash and form");
    return { key_version: version, signature: prefix + sign(null, bytes, key).toString("base64") };
  }
  if (digest !== "sha2-256") throw new Refusal(400, "no sha2-256");
  const signature =
    marshaling === "jws"
      ? sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }).toString("base64url")
      : sign("sha256", bytes, key).toString("base64");
  return { key_version: version, signature: prefix + signature };
}
