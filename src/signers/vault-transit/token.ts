/** The token that Vault is asked with: a text that is given once, or a file that an agent writes anew. */

import { readFile } from "node:fs/promises";
import { CustodianError } from "../../domain/ports.ts";
import type { Clock } from "../../domain/ports.ts";

export interface TokenSource {
  /** Undefined where none is given: a proxy of Vault on this machine may add its own. Throws `CustodianError`. */
  current(): Promise<string | undefined>;
  /** One that has come in the place of `refused`; undefined where there is no other. Throws `CustodianError`. */
  instead(refused: string | undefined): Promise<string | undefined>;
}

/** So often the file is looked at for another token, beside after each refusal. */
const LOOK_MILLIS = 1_000;

/** What can stand in a header; batch tokens have some hundred characters. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

export function givenToken(token: string | undefined): TokenSource {
  return {
    async current() {
      if (token === undefined || TOKEN.test(token)) return token;
      throw new CustodianError("The token for Vault in MINTMARK_VAULT_TOKEN has characters that no token has.", { isSetup: true });
    },
    instead: async () => undefined,
  };
}

export function tokenInFile(path: string, clock: Clock): TokenSource {
  let known: string | undefined;
  let lookedAt = 0;

  async function look(): Promise<string> {
    lookedAt = clock();
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      throw new CustodianError(`${path}: the token for Vault can't be read (${codeOf(error)}); see keys.store.`);
    });
    const token = text.trim();
    if (!TOKEN.test(token)) throw new CustodianError(`${path}: holds no token for Vault: one line with the token, nothing else.`);
    known = token;
    return token;
  }

  return {
    async current() {
      if (known === undefined) return look();
      const age = clock() - lookedAt;
      // No signature waits for the file, which may be about to be written: the token of before is good for a while.
      if (age < 0 || age >= LOOK_MILLIS) void look().catch(() => undefined);
      return known;
    },
    async instead(refused) {
      const token = await look();
      return token === refused ? undefined : token;
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
