import { storeContract } from "../contract/store.ts";
import { memoryData, openMemoryStore } from "./memory-store.ts";

storeContract("the tests' store in memory", async () => {
  const data = memoryData();
  return { open: async () => openMemoryStore(data, Date.now), remove: async () => undefined };
});
