/** What a test says about what it found; tap's `Test` is one, and so is a list of faults for where there is no tap. */

import { isDeepStrictEqual } from "node:util";

export interface Expect {
  ok(found: unknown, what?: string): unknown;
  notOk(found: unknown, what?: string): unknown;
  equal(found: unknown, wanted: unknown, what?: string): unknown;
  same(found: unknown, wanted: unknown, what?: string): unknown;
  match(text: unknown, pattern: RegExp | string, what?: string): unknown;
  notMatch(text: unknown, pattern: RegExp | string, what?: string): unknown;
}

export class Faults implements Expect {
  readonly found: string[] = [];

  ok(found: unknown, what = "is so"): void {
    if (!found) this.found.push(what);
  }

  notOk(found: unknown, what = "is not so"): void {
    this.ok(!found, what);
  }

  equal(found: unknown, wanted: unknown, what = "equal"): void {
    this.ok(Object.is(found, wanted), `${what}: ${String(found)}, not ${String(wanted)}`);
  }

  same(found: unknown, wanted: unknown, what = "the same"): void {
    this.ok(isDeepStrictEqual(found, wanted), `${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  }

  match(text: unknown, pattern: RegExp | string, what = `matches ${String(pattern)}`): void {
    this.ok(isIn(text, pattern), `${what}: ${String(text).slice(0, 200)}`);
  }

  notMatch(text: unknown, pattern: RegExp | string, what = `does not match ${String(pattern)}`): void {
    this.ok(!isIn(text, pattern), what);
  }
}

function isIn(text: unknown, pattern: RegExp | string): boolean {
  if (typeof text !== "string") return false;
  return typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
}
