/** One bad input: the request, what it is answered, and what must be so afterwards. The form is that of `bad-inputs.json`. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Row {
  readonly id: string;
  readonly area: string;
  readonly description: string;
  readonly input: {
    readonly method: string;
    readonly path: string | readonly string[];
    readonly headers?: Readonly<Record<string, string | readonly string[]>> | null;
    readonly body?: string | null;
    readonly precondition?: string;
    readonly path_query?: string;
    readonly concurrency?: number | string;
    readonly raw?: { readonly body_hex?: string };
    readonly repeat?: { readonly n: number; readonly char?: string; readonly template?: string };
  };
  readonly expected: {
    readonly status: readonly number[];
    readonly error?: readonly string[] | null;
    readonly headers?: Readonly<Record<string, string>> | null;
    readonly invariants: readonly string[];
  };
  /** Whose session it is about; `app` if absent, and `web` where the request has a cookie. */
  readonly clientId?: string;
  /** It proves an assertion and is refused for something else: the assertion is used up all the same. */
  readonly usesUp?: true;
}

export const AREAS = ["token-endpoint", "login", "revoke", "introspect", "cookie", "jwks"] as const;

const FILE = join(import.meta.dirname, "../../../../shared/bad-inputs.json");

/** The ids of the rows about something else, e.g. `keys`; none where the file is not beside the project. */
export function idsOfFile(about: string): readonly string[] {
  if (!existsSync(FILE)) return [];
  const rows = JSON.parse(readFileSync(FILE, "utf8")) as readonly { readonly id: string; readonly area: string }[];
  return rows.filter(({ area }) => area === about).map(({ id }) => id);
}

/** The rows about the routes; none where the file is not beside the project. */
export function rowsOfFile(): readonly Row[] {
  if (!existsSync(FILE)) return [];
  return (JSON.parse(readFileSync(FILE, "utf8")) as Row[]).filter(({ area }) => (AREAS as readonly string[]).includes(area));
}
