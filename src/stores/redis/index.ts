/** The Redis store: documents as strings and logs as streams, one key each, on one primary. */

export { openRedisStore } from "./store.ts";
export type { RedisStoreOptions } from "./store.ts";
