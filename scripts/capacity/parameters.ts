/** What the model is told besides the costs of a request: each an option with a default, a unit and where the number is from. */

/** `chosen`: yours to say. `configuration`: a default of the issuer. `code`: what the code does. */
export type Source = "chosen" | "assumed" | "configuration" | "code" | `bench ${"memory" | "documents" | "ends" | "wait" | "rewrite"}`;

interface Parameter {
  readonly value: number;
  readonly what: string;
  readonly from: Source;
  /** The least it can be; default 0. */
  readonly least?: number;
  readonly most?: number;
}

const SHARE = { least: 0, most: 1 };
/** Of something that is divided by. */
const SOME = { least: 0.001 };
const SOME_SHARE = { least: 0.001, most: 1 };

export const PARAMETERS = {
  "sessions-per-subject": { value: 1, what: "sessions that a subject has at a time", from: "chosen", least: 1, most: 100 },
  "active-share": { value: 0.1, what: "of all sessions, those whose client refreshes in the busiest hour", from: "chosen", ...SHARE },
  "refresh-seconds": {
    value: 600,
    what: "between two refreshes of an active session: the access token's lifetime",
    from: "configuration",
    ...SOME,
  },
  "logins-per-session-day": { value: 0.05, what: "logins per session and day: a session lives for twenty days", from: "chosen" },
  "ends-per-session-day": { value: 0.02, what: "logouts and revocations per session and day; the other sessions expire", from: "chosen" },
  "peak-factor": { value: 3, what: "logins and ends in the busiest hour, over the day's mean", from: "chosen", least: 1 },
  "password-share": {
    value: 1,
    what: "of all logins and subjects, those with a password here; the others come by assertion",
    from: "chosen",
    ...SHARE,
  },
  "introspections-per-refresh": { value: 0, what: "resource servers that verify by themselves make none", from: "chosen" },
  verifiers: { value: 1_000, what: "processes of resource servers that fetch the JWK Set", from: "chosen" },
  "jwks-seconds": { value: 600, what: "between two fetches of one verifier: the JWK Set's max-age", from: "configuration", ...SOME },
  "jwks-unchanged-share": {
    value: 0,
    what: "of these fetches, those answered 304; most libraries don't ask that way",
    from: "assumed",
    ...SHARE,
  },
  "claims-bytes": { value: 0, what: "claims that a session carries, bytes of JSON", from: "chosen" },

  "subject-bytes": {
    value: 277,
    what: "Redis memory of a subject with one session, everything included; at most 300",
    from: "bench memory",
  },
  "extra-session-bytes": { value: 128, what: "of each further session of the same subject", from: "bench documents" },
  "claims-factor": { value: 1.28, what: "Redis memory per byte of claims: the allocator rounds up", from: "bench documents" },
  "cluster-key-bytes": { value: 16, what: "Redis memory of a key more where Redis is a Cluster", from: "bench documents" },
  "account-bytes": { value: 405, what: "of an account with a password", from: "bench documents" },
  "assertion-id-bytes": { value: 181, what: "of a used assertion's id", from: "bench documents" },
  "assertion-seconds": { value: 3_670, what: "that it is kept: the assertion's minute, clock skew, an hour", from: "code" },
  "ended-subject-bytes": { value: 197, what: "of a subject whose only session has ended", from: "bench ends" },
  "end-entry-bytes": { value: 161, what: "of an entry of the log of ends", from: "bench ends" },
  "end-seconds": { value: 87_010, what: "that both are kept: the access token's lifetime, clock skew, a day", from: "code" },
  "append-micros": { value: 33, what: "CPU of Redis for an append to the log of ends", from: "bench ends" },
  "assert-micros": { value: 120, what: "that a starting issuer takes for each entry of the log", from: "bench ends" },
  "wait-micros": { value: 12, what: "CPU of the primary for a WAIT, if every confirmed write has its own", from: "bench wait" },

  "shard-gib": { value: 16, what: "memory of the machine, or its share, that one Redis process has", from: "chosen", ...SOME },
  "usable-share": { value: 0.5, what: "of it for data: a rewrite of the file may copy as much again", from: "assumed", ...SOME_SHARE },
  replicas: { value: 1, what: "of each shard", from: "chosen" },
  "redis-utilisation": { value: 0.5, what: "of the one core that runs a shard's commands", from: "assumed", ...SOME_SHARE },
  "issuer-utilisation": { value: 0.6, what: "of an issuer's core", from: "assumed", ...SOME_SHARE },
  "hashes-per-process": { value: 2, what: "password hashes that an issuer process computes at once", from: "code", least: 1 },
  "tls-bytes": { value: 5_000, what: "of a TLS handshake before a request: after ten minutes the connection is closed", from: "assumed" },
  "header-bytes": { value: 600, what: "that browsers and proxies add to a request and its answer", from: "assumed" },
  "wire-factor": {
    value: 1.1,
    what: "bytes on the wire per byte of payload: headers of packets, acknowledgements",
    from: "assumed",
    least: 1,
  },
  "link-gbit": { value: 10, what: "of one machine's network, per second", from: "assumed", ...SOME },
  "rewrite-mib-per-second": {
    value: 90,
    what: "of memory that a rewrite of the append-only file gets through under load",
    from: "bench rewrite",
    ...SOME,
  },
  "copied-bytes-per-refresh": { value: 8_500, what: "of memory copied by a refresh during a rewrite: two pages", from: "bench rewrite" },
} as const satisfies Readonly<Record<string, Parameter>>;

export type ParameterName = keyof typeof PARAMETERS;
export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[];
export type Parameters = Readonly<Record<ParameterName, number>>;

export const DEFAULT_PARAMETERS = Object.fromEntries(PARAMETER_NAMES.map((name) => [name, PARAMETERS[name].value])) as Parameters;

/** The limits of a parameter's value. */
export function boundsOf(name: ParameterName): { readonly least: number; readonly most: number } {
  const { least = 0, most = Infinity }: Parameter = PARAMETERS[name];
  return { least, most };
}
