import { StoreError } from "../../domain/ports.ts";
import type { Commands } from "./commands.ts";

/** The server's clock, milliseconds since the epoch. Throws `StoreError`. */
export async function askTime(commands: Commands): Promise<number> {
  const time = await commands.read("time", [], "utf8");
  const [seconds, microseconds] = Array.isArray(time) ? time.map(Number) : [];
  const millis = (seconds ?? Number.NaN) * 1000 + Math.floor((microseconds ?? Number.NaN) / 1000);
  if (!Number.isSafeInteger(millis)) throw new StoreError("unavailable", "the Redis server gave an answer that TIME does not have");
  return millis;
}
