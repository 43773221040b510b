/** What one request costs, per kind of request: the numbers that the model multiplies. */

export const FLOWS = ["refresh", "password-login", "assertion-login", "end", "introspection", "jwks", "jwks-unchanged"] as const;
export type FlowName = (typeof FLOWS)[number];

/** What each cost is; an option is `--<flow>-<cost>`. */
export const COSTS = {
  "issuer-micros": "CPU of the issuer, all threads, without the password hash, µs",
  "hash-micros": "CPU of the password hash (argon2id), µs",
  "redis-micros": "CPU of the primary Redis, all threads, with a replica and `appendfsync everysec`, µs",
  "client-bytes-in": "from the client to the issuer, bytes of HTTP",
  "client-bytes-out": "from the issuer to the client, bytes of HTTP",
  "redis-bytes-in": "from the issuer to Redis, bytes",
  "redis-bytes-out": "from Redis to the issuer, bytes",
  "write-bytes": "into the append-only file, and again to each replica, bytes",
  "confirmed-writes": "writes that wait for a replica",
} as const;
export type CostName = keyof typeof COSTS;
export const COST_NAMES = Object.keys(COSTS) as CostName[];

export type FlowCosts = Readonly<Record<CostName, number>>;
export type Costs = Readonly<Record<FlowName, FlowCosts>>;

/**
 * Medians of `npm run bench -- costs`, where the confirmed writes are what the code does. What was measured where, and how far
 * it varied, is in docs/capacity.md.
 */
export const MEASURED_COSTS: Costs = {
  refresh: row(160, 0, 23, [282, 1088], [496, 160], 239, 0),
  "password-login": row(1_450, 12_000, 270, [208, 1088], [447, 470], 183, 1),
  "assertion-login": row(400, 0, 30, [596, 1093], [401, 74], 298, 2),
  end: row(155, 0, 61, [250, 251], [708, 338], 409, 2),
  introspection: row(265, 0, 8, [762, 575], [52, 157], 0, 0),
  jwks: row(53, 0, 0, [86, 1072], [0, 0], 0, 0),
  "jwks-unchanged": row(47, 0, 0, [127, 285], [0, 0], 0, 0),
};

type InAndOut = readonly [bytesIn: number, bytesOut: number];

function row(
  issuer: number,
  hash: number,
  redis: number,
  client: InAndOut,
  store: InAndOut,
  written: number,
  confirmed: number,
): FlowCosts {
  return {
    "issuer-micros": issuer,
    "hash-micros": hash,
    "redis-micros": redis,
    "client-bytes-in": client[0],
    "client-bytes-out": client[1],
    "redis-bytes-in": store[0],
    "redis-bytes-out": store[1],
    "write-bytes": written,
    "confirmed-writes": confirmed,
  };
}
