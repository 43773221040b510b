/** Accounts of the built-in login: one document each, addressed by the digest of the name. */

import { base64url, utf8 } from "../domain/bytes.ts";
import { type Account, accountDocument, KEYS, NEVER } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";
import { type Context, REQUEST_BUDGET_MILLIS } from "./context.ts";
import { UnavailableError } from "./types.ts";

export interface LoadedAccount {
  readonly bytes: Bytes | undefined;
  readonly account: Account | undefined;
}

export class Accounts {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** `name` as normalized. */
  async load(name: string): Promise<LoadedAccount> {
    const bytes = await this.#context.store.get(this.#key(name));
    return { bytes, account: bytes === undefined ? undefined : accountDocument.decode(bytes) };
  }

  /** Swaps the account for what `change` makes of it; undefined from `change`: leave it. The account before. */
  async update(name: string, change: (account: Account | undefined) => Account | "remove" | undefined): Promise<Account | undefined> {
    const deadline = this.#context.clock() + REQUEST_BUDGET_MILLIS;
    for (;;) {
      const { bytes, account } = await this.load(name);
      const next = change(account);
      if (next === undefined) return account;
      const value = next === "remove" ? undefined : accountDocument.encode(next);
      if (await this.#context.store.compareAndSet(this.#key(name), bytes, value, { expiresAt: NEVER, confirmed: true })) return account;
      if (this.#context.clock() >= deadline) throw new UnavailableError("too many changes of one account at once");
    }
  }

  async *all(): AsyncIterable<Account> {
    for await (const page of this.#context.store.scan(KEYS.accountPrefix)) {
      for (const [, bytes] of page) yield accountDocument.decode(bytes);
    }
  }

  async isAny(): Promise<boolean> {
    for await (const page of this.#context.store.scan(KEYS.accountPrefix)) if (page.length > 0) return true;
    return false;
  }

  #key(name: string): string {
    return KEYS.accountPrefix + base64url(this.#context.digests.sha256(utf8(name)).subarray(0, 16));
  }
}
