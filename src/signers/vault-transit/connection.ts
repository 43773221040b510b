/** Vault's HTTP API for one engine: requests with a token and limits, and answers by who is at fault. */

import { CustodianError } from "../../domain/ports.ts";
import { Gate } from "../gate.ts";
import type { GateLimits } from "../gate.ts";
import type { TokenSource } from "./token.ts";

export type Members = Readonly<Record<string, unknown>>;

export type Answer =
  | { readonly outcome: "done"; readonly data: Members }
  /** The engine has no key of this name. */
  | { readonly outcome: "absent" }
  /** 400, which is about the key or what was asked of it. */
  | { readonly outcome: "refused" }
  /** 500, which is also what transit answers where a version can't sign: the caller looks at the key. */
  | { readonly outcome: "failed" };

/** `path` is below the engine, e.g. `keys/NAME`. Throws `CustodianError` for any answer that is none of the above. */
export type Ask = (method: "GET" | "POST" | "DELETE", path: string, body?: Members) => Promise<Answer>;

export interface ConnectionOptions {
  readonly address: string;
  readonly mount: string;
  readonly namespace: string | undefined;
  readonly tokens: TokenSource;
  readonly limits: GateLimits;
}

export interface Connection {
  /** How messages name the server. */
  readonly name: string;
  /** One call of the gate, which may ask several times. Throws `KeyError` of `work`, else `CustodianError`. */
  run<T>(work: (ask: Ask) => Promise<T>): Promise<T>;
  /** The same through a gate of its own, which is open whatever became of other calls. */
  look<T>(work: (ask: Ask) => Promise<T>): Promise<T>;
}

/** A key with a thousand versions has less. */
const ANSWER_BYTES_MAX = 1 << 20;

export function connectToVault({ address, mount, namespace, tokens, limits }: ConnectionOptions): Connection {
  const name = `Vault at ${address}`;
  const [gate, lookGate] = [new Gate(name, limits), new Gate(name, limits)];
  const engine = mount.replace(/^\/+|\/+$/g, "");
  const base = `${address.replace(/\/+$/, "")}/v1/${engine}/`;
  const fault = (text: string, isSetup = false): CustodianError => new CustodianError(`${name}: ${text}.`, { isSetup });

  async function send(method: string, path: string, body: Members | undefined, token: string | undefined, signal: AbortSignal) {
    return fetch(base + path, {
      method,
      headers: {
        // Vault's proxies can be told to refuse requests without it.
        "x-vault-request": "true",
        ...(token === undefined ? {} : { "x-vault-token": token }),
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The token goes to the configured server and to no other, whatever that one says.
      redirect: "manual",
      signal,
    }).catch((error: unknown) => {
      throw isPortRefused(error) ? fault("its port is one that fetch connects to nowhere; use another, see keys.store", true) : error;
    });
  }

  async function ask(method: string, path: string, body: Members | undefined, signal: AbortSignal): Promise<Answer> {
    const token = await tokens.current();
    let response = await send(method, path, body, token, signal);
    if (response.status === 403) {
      const other = await tokens.instead(token);
      if (other !== undefined) {
        await response.body?.cancel();
        response = await send(method, path, body, other, signal);
      }
    }
    const text = await readText(response);
    if (response.ok) return { outcome: "done", data: response.status === 204 ? {} : dataOf(text) };
    return refusalOf(response.status, text, token === undefined, `${method} ${engine}/${path}`);
  }

  function refusalOf(status: number, text: string, isWithoutToken: boolean, asked: string): Answer {
    if (isWithoutToken && (status === 400 || status === 403)) {
      throw fault(`no token is given (status ${status}); set MINTMARK_VAULT_TOKEN, or token-source in keys.store`, true);
    }
    if (status === 400) return { outcome: "refused" };
    if (status === 500) return { outcome: "failed" };
    if (status === 403) throw fault(`refuses ${asked} (403): the token is over, or its policies don't allow this path`);
    if (status === 404) {
      // Where the engine answers, the list of errors is empty.
      if (errorsOf(text) === 0) return { outcome: "absent" };
      throw fault(`nothing answers at ${engine}/ (404): no engine is mounted there, or not in this namespace; see keys.store`);
    }
    if (status === 503) throw fault("is sealed or in maintenance (503)");
    if (status >= 300 && status < 400) {
      throw fault(`redirects elsewhere (${status}), which isn't followed: name the active server, or one that forwards, in keys.store`);
    }
    throw fault(`answers ${asked} with status ${status}`);
  }

  async function readText({ body }: Response): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of body ?? []) {
      length += piece.length;
      if (length > ANSWER_BYTES_MAX) throw fault(`an answer has more than ${ANSWER_BYTES_MAX} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString();
  }

  function dataOf(text: string): Members {
    const answer = parsed(text);
    const data = isMembers(answer) ? (answer["data"] ?? {}) : undefined;
    if (!isMembers(data)) throw fault("an answer isn't Vault's: no JSON object with data; see keys.store");
    return data;
  }

  const askUntil =
    (signal: AbortSignal): Ask =>
    (method, path, body) =>
      ask(method, path, body, signal);

  return {
    name,
    run: (work) => gate.run((signal) => work(askUntil(signal))),
    look: (work) => lookGate.run((signal) => work(askUntil(signal))),
  };
}

/** The ports of other protocols (https://fetch.spec.whatwg.org/#port-blocking), which no server is asked at. */
function isPortRefused(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof Error && error.cause.message === "bad port";
}

/** How many errors an answer names; one where it is no answer of Vault's. */
function errorsOf(text: string): number {
  const answer = parsed(text);
  const errors = isMembers(answer) ? answer["errors"] : undefined;
  return Array.isArray(errors) ? errors.length : 1;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
