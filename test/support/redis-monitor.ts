/** Every command that a Redis server gets, with its arguments, as text. */

import { Redis } from "ioredis";

export interface Monitor {
  text(): string;
  close(): void;
}

export async function monitorRedis(port: number, password: string): Promise<Monitor> {
  const redis = new Redis({ host: "127.0.0.1", port, password, enableReadyCheck: false, retryStrategy: () => null });
  const monitor = await redis.monitor();
  const lines: string[] = [];
  monitor.on("monitor", (_time: string, args: readonly string[]) => void lines.push(args.join(" ")));
  monitor.on("error", () => undefined);
  redis.on("error", () => undefined);
  return {
    text: () => lines.join("\n"),
    close() {
      monitor.disconnect();
      redis.disconnect();
    },
  };
}
