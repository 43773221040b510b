/** Writes a history while it happens. */

import { closeSync, openSync, writeSync } from "node:fs";
import type { Fact, FaultLine, JwksLine, Line, OperationLine, RunLine } from "./lines.ts";

const FLUSH_CHARACTERS = 1 << 16;

export type NewFault = Pick<FaultLine, "kind" | "isAway" | "isCutting" | "recoverMillis">;

/** What has begun and not ended, or how long it was: for clients that must know how much time doesn't count. */
export interface AwayTime {
  /** Milliseconds since `from` during which issuers may have been without their store. */
  awaySince(from: number): number;
}

export class Recorder implements AwayTime {
  readonly path: string;
  readonly #file: number;
  readonly #zero = performance.now();
  #waiting = "";
  #isClosed = false;
  #faults = 0;
  readonly #away: { from: number; to: number }[] = [];

  constructor(path: string, run: Omit<RunLine, "line" | "wallClock">) {
    this.path = path;
    this.#file = openSync(path, "w", 0o600);
    this.#write({ line: "run", wallClock: Date.now(), ...run });
  }

  /** Milliseconds since the history began. */
  now(): number {
    return Math.round((performance.now() - this.#zero) * 1_000) / 1_000;
  }

  operation(operation: Omit<OperationLine, "line">): void {
    this.#write({ line: "operation", ...operation });
  }

  jwks(fetched: Omit<JwksLine, "line">): void {
    this.#write({ line: "jwks", ...fetched });
  }

  fact(fact: Fact): void {
    this.#write({ line: "fact", at: this.now(), ...fact });
  }

  /** A fault for the time of `work`. */
  async during<T>(fault: NewFault, work: () => Promise<T>): Promise<T> {
    this.#faults += 1;
    const number = this.#faults;
    const began = this.now();
    const away = { from: began, to: Infinity };
    if (fault.isAway === true) this.#away.push(away);
    this.#write({ line: "fault", at: began, fault: number, phase: "begin", ...fault });
    try {
      return await work();
    } finally {
      away.to = this.now();
      this.#write({ line: "fault", at: away.to, fault: number, phase: "end", ...fault });
    }
  }

  /** Time that an issuer counts as without its store although it was there. */
  uncounted(from: number, to: number, note: string): void {
    this.#away.push({ from, to });
    this.fact({ fact: "uncounted", from, to, note });
  }

  awaySince(from: number): number {
    const now = this.now();
    return this.#away.reduce((sum, away) => sum + Math.max(0, Math.min(away.to, now) - Math.max(away.from, from)), 0);
  }

  /** What comes after is not written: where a row breaks off, its clients may still be asking, and the number of the file is another's. */
  close(): void {
    this.#flush();
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #write(line: Line): void {
    if (this.#isClosed) return;
    this.#waiting += `${JSON.stringify(line)}\n`;
    if (this.#waiting.length > FLUSH_CHARACTERS) this.#flush();
  }

  #flush(): void {
    writeSync(this.#file, this.#waiting);
    this.#waiting = "";
  }
}
