/** What a Redis server says about itself: asked here, judged in `inspect.ts`. */

import type { Clock } from "../../domain/ports.ts";
import { type Denied, deniedCommands, type Needs } from "./permissions.ts";
import type { Commands } from "./commands.ts";
import { askInfo, type Info } from "./server.ts";
import { askTime } from "./time.ts";

/** Settings as CONFIG GET spells them; undefined where it is not permitted (many managed services). */
export interface ServerSettings {
  readonly appendfsync: string | undefined;
  /** The snapshot rule, "" for none. */
  readonly save: string | undefined;
  readonly minReplicasToWrite: string | undefined;
}

export interface Facts {
  /** Undefined where INFO is not permitted. */
  readonly info: Info | undefined;
  readonly settings: ServerSettings;
  readonly denied: Denied;
  readonly roundTripMillis: number;
  /** How far its clock is ahead of this machine's, as well as one round trip can tell. */
  readonly clockAheadMillis: number;
}

/** Rejects with `StoreError`. */
export async function askFacts(commands: Commands, keyPrefix: string, needs: Needs, clock: Clock): Promise<Facts> {
  const begun = clock();
  // Not PING: a server that can't write to its disk refuses that, and then most is to be said.
  const time = await askTime(commands);
  const ended = clock();
  return {
    roundTripMillis: Math.max(0, ended - begun),
    clockAheadMillis: time - (begun + ended) / 2,
    info: await askInfo(commands),
    denied: await deniedCommands(commands, keyPrefix, needs),
    settings: {
      appendfsync: await setting(commands, "appendfsync"),
      save: await setting(commands, "save"),
      minReplicasToWrite: await setting(commands, "min-replicas-to-write"),
    },
  };
}

async function setting(commands: Commands, name: string): Promise<string | undefined> {
  const reply = await commands.ask("config", ["get", name]);
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === "string" ? value : undefined;
}
