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

export const leftOut: Readonly<Record<string, string>> = {
  "rv-011": "300 rounds: flows/figures.test.ts races them",
  "rv-013": "a failover needs replicas, which are not built yet",
  "ir-014": "when a key is retired its tokens have expired (DESIGN 'Keys'): ir-011; a revoked key's are in flows/command-line.test.ts",
  "li-013": "flows/throttle.test.ts",
};

/** Of those that are run, what takes too long for every day; the figure runs them. */
export const slow: Readonly<Record<string, string>> = {
  "te-016": "10 s of waiting: http/sockets.test.ts has it with a shorter timeout",
};
