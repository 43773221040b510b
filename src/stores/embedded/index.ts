/** The embedded store: one SQLite file for one machine, shared by several processes, durable when acknowledged. */

export { openEmbeddedStore } from "./store.ts";
export type { EmbeddedStoreOptions } from "./store.ts";
