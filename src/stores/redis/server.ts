/** Which server answers, what it can do, and when it is another one than before. */

import type { Commands } from "./commands.ts";
import { Listeners } from "./listeners.ts";

/** The fields of an INFO reply. */
export type Info = ReadonlyMap<string, string>;

export function parseInfo(reply: string): Info {
  const lines = reply.split("\r\n").filter((line) => !line.startsWith("#") && line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** `SET … IFEQ`, an atomic compare-and-set of the server's own: Valkey 8.1, Redis 8.4. */
export function canSetIfEqual(info: Info): boolean {
  const valkey = info.get("valkey_version");
  if (valkey !== undefined) return isAtLeast(valkey, 8, 1);
  return isAtLeast(info.get("redis_version") ?? "0.0", 8, 4);
}

/** Changes when the server was restarted (its data may have gone back) and when another one took over. */
function identityOf(info: Info): string | undefined {
  const run = info.get("run_id");
  const history = info.get("master_replid");
  return run === undefined || history === undefined ? undefined : `${run} ${history}`;
}

export class Server {
  #identity: string | undefined;
  #isFirst = true;
  #canSetIfEqual = false;
  readonly #listeners = new Listeners();

  get canSetIfEqual(): boolean {
    return this.#canSetIfEqual;
  }

  /** The server took `SET … IFEQ` for an error: it only looks like one that has it. */
  forgetSetIfEqual(): void {
    this.#canSetIfEqual = false;
  }

  /** To be called on each new connection. Where the server does not say who it is, it counts as another one. */
  async look(commands: Commands): Promise<void> {
    this.#canSetIfEqual = false;
    const info = await askInfo(commands).catch(() => undefined);
    const identity = info === undefined ? undefined : identityOf(info);
    this.#canSetIfEqual = info !== undefined && canSetIfEqual(info);
    const isSame = identity !== undefined && identity === this.#identity;
    const isNews = !this.#isFirst && !isSame;
    this.#isFirst = false;
    this.#identity = identity;
    if (isNews) this.#listeners.tell();
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }
}

/** Undefined where the server does not permit INFO. Throws `StoreError`. */
export async function askInfo(commands: Commands): Promise<Info | undefined> {
  const reply = await commands.ask("info", []);
  return typeof reply === "string" ? parseInfo(reply) : undefined;
}
