/** Proving what others sign for us, and taking each of it once. */

import { base64url, concatBytes, lengthPrefixed, sameBytes } from "../domain/bytes.ts";
import { KEYS } from "../domain/documents.ts";
import type { JwksLocation } from "../domain/policy.ts";
import { type Bytes, FetchError, StoreError } from "../domain/ports.ts";
import {
  type AssertionExpectations,
  type AssertionResult,
  importJwks,
  isSigned,
  type KeySource,
  parseAssertion,
  type ParsedAssertion,
  RemoteJwks,
  staticJwks,
} from "../jws/index.ts";
import type { Context } from "./context.ts";
import type { Marker } from "./marker.ts";
import { UnavailableError } from "./types.ts";

const FORMAT = 1;
const NONCE_BYTES = 16;
/** A store whose clock jumps ahead forgets nothing too early by this much. */
const SPARE_MILLIS = 3_600_000;

export class Assertions {
  readonly #context: Context;
  readonly #marker: Marker;
  /** One per place where keys are: clients that share a URL share its cool-down. */
  readonly #remote = new Map<string, KeySource>();
  readonly #configured = new WeakMap<object, KeySource>();

  constructor(context: Context, marker: Marker) {
    this.#context = context;
    this.#marker = marker;
  }

  /** What can be said without knowing whose it is. */
  parse(assertion: string, type: AssertionExpectations["type"]): AssertionResult {
    const { clock, policy } = this.#context;
    return parseAssertion(assertion, { type, audience: policy.issuer, now: clock(), clockToleranceMillis: policy.clockSkewMillis });
  }

  /** Whether a key of its owner signed it. Throws `UnavailableError` where the keys can't be had. */
  async isSigned(parsed: ParsedAssertion, owner: JwksLocation): Promise<boolean> {
    try {
      return await isSigned(parsed, this.#keysAt(owner));
    } catch (error) {
      if (error instanceof FetchError) throw new UnavailableError("the keys of an assertion's owner can't be had", 5);
      throw error;
    }
  }

  /**
   * Takes a proven assertion; false where it was taken before, by whichever process (RFC 7523 §3 item 7). What is written is a
   * nonce, so that after an unknown outcome it shows who was first.
   */
  async take({ claims }: ParsedAssertion): Promise<boolean> {
    const { store, random, policy } = this.#context;
    const key = this.#keyOf(claims.iss, claims.jti);
    const own = concatBytes(Uint8Array.of(FORMAT), random(NONCE_BYTES));
    const options = { expiresAt: claims.exp * 1_000 + policy.clockSkewMillis + SPARE_MILLIS, confirmed: true };
    const write = (expected: Bytes | undefined): Promise<boolean> => store.compareAndSet(key, expected, own, options);
    const isFirst = await write(undefined).catch(async (error: unknown) => {
      if (!(error instanceof StoreError) || error.outcome !== "unknown") throw error;
      const found = await store.get(key);
      if (found === undefined) throw error;
      // Ours: written again, because the first time was not confirmed.
      return sameBytes(found, own) && write(own);
    });
    // In a store that was emptied, that nobody took it proves nothing.
    if (isFirst) await this.#marker.trustAbsence();
    else this.#context.emit({ event: "assertion_replayed", iss: claims.iss });
    return isFirst;
  }

  #keyOf(iss: string, jti: string): string {
    const digest = this.#context.digests.sha256(lengthPrefixed(this.#context.policy.issuer, iss, jti));
    return KEYS.assertionPrefix + base64url(digest.subarray(0, 16));
  }

  #keysAt(location: JwksLocation): KeySource {
    if ("jwksUri" in location) return this.#remoteKeys(location.jwksUri);
    const known = this.#configured.get(location) ?? staticJwks(importJwks(location.jwks.keys));
    this.#configured.set(location, known);
    return known;
  }

  #remoteKeys(url: string): KeySource {
    const { fetchDocument, clock, emit } = this.#context;
    const known =
      this.#remote.get(url) ??
      new RemoteJwks({
        fetch: () => fetchDocument(url),
        clock,
        onFailure: ({ message }) => emit({ event: "trouble", about: `JWK Set of ${nameOf(url)}`, message }),
      });
    this.#remote.set(url, known);
    return known;
  }
}

/** Without its query, which may hold a secret. */
function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}
