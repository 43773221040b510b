/** The log: one JSON object per line (NDJSON), which nothing a stranger sends can break, flood or fill with a secret. */

import type { Writable } from "node:stream";
import type { Clock } from "../domain/ports.ts";
import { systemClock } from "./clock.ts";
import { encodeLine, safeFields } from "./log-fields.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Writes a line; `event` is a constant of the code, whatever varies is in `fields`. Never throws. */
export type LogWrite = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export type Logger = Readonly<Record<LogLevel, LogWrite>>;

const RANK: Readonly<Record<LogLevel | "silent", number>> = { silent: 0, error: 1, warn: 2, info: 3, debug: 4 };

/** Bytes that may wait for a reader that has stopped reading; what comes after is dropped and counted. */
const MAX_UNREAD_BYTES = 1_048_576;

/**
 * A logger that writes lines of `level` and worse: `time` (RFC 3339, UTC), `level`, `event`, then the fields, bounded
 * in number, depth and length. Fields whose names say that they hold a secret, and texts that look like one of our
 * tokens or a JWT, are replaced by `[redacted]`; of an error the name, code and message are kept, nothing else.
 */
export function createLogger(stream: Writable, level: LogLevel | "silent", clock: Clock = systemClock): Logger {
  let dropped = 0;

  function write(lineLevel: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    if (RANK[lineLevel] > RANK[level]) return;
    if (stream.writableLength > MAX_UNREAD_BYTES) {
      dropped += 1;
      return;
    }
    const lost = dropped > 0 ? { linesDroppedBefore: dropped } : {};
    dropped = 0;
    const time = new Date(clock()).toISOString();
    stream.write(encodeLine({ time, level: lineLevel, event, ...lost }, safeFields(fields)));
  }

  return {
    error: (event, fields = {}) => write("error", event, fields),
    warn: (event, fields = {}) => write("warn", event, fields),
    info: (event, fields = {}) => write("info", event, fields),
    debug: (event, fields = {}) => write("debug", event, fields),
  };
}
