/** Which rows of `bad-inputs.json` say something else than INTERFACE or DESIGN, and which are not this version's. */

export interface Difference {
  readonly because: string;
  readonly status: readonly number[];
  readonly error: readonly string[] | null;
}

/** INTERFACE before DESIGN before bad-inputs. */
export const differences: Readonly<Record<string, Difference>> = {
  "te-042": {
    because: "DESIGN 'Presenting it': the retry window is a time, so whatever was current within it gives the current token",
    status: [200],
    error: null,
  },
};

const OF_CLIENT_ASSERTIONS = ["070", "071", "073", "074", "076", "077", "079", "080", "082", "083", "085", "088", "091", "092", "094"];

/** Which status it is where a row leaves a choice; docs/http.md says so to users. */
export const chosen: Readonly<Record<string, number>> = {
  ...Object.fromEntries(["te-001", "te-002", "rv-008", "ir-023", "jw-002"].map((id) => [id, 405])),
  ...Object.fromEntries(["te-004", "te-005", "te-008", "te-019", "li-011"].map((id) => [id, 415])),
  ...Object.fromEntries(["te-010", "te-011", "te-035"].map((id) => [id, 413])),
  ...Object.fromEntries(OF_CLIENT_ASSERTIONS.map((number) => [`te-${number}`, 401])),
  "te-048": 400,
  "te-050": 401,
  "te-059": 400,
  "li-008": 401,
  "li-014": 400,
  "li-016": 401,
  "rv-004": 400,
  "jw-007": 200,
  "jw-010": 200,
  "ck-004": 200,
  "ck-005": 200,
  "ck-013": 431,
  "ck-014": 400,
};

export const leftOut: Readonly<Record<string, string>> = {
  "rv-011": "300 rounds: flows/figures.test.ts races them",
  "rv-013": "flows/failover.test.ts",
  "ir-014": "when a key is retired its tokens have expired (DESIGN 'Keys'): ir-011; a revoked key's are in flows/command-line.test.ts",
  "li-013": "flows/throttle.test.ts",
};

/** Of those that are run, what takes too long for every day; the figure runs them. */
export const slow: Readonly<Record<string, string>> = {
  "te-016": "10 s of waiting: http/sockets.test.ts has it with a shorter timeout",
};
