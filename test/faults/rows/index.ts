/** The rows of the matrix, in its order; and those that are not here yet. */

import { f01 } from "./f01-redis-killed.ts";
import { f02 } from "./f02-tail-cut.ts";
import { f03 } from "./f03-primary-killed.ts";
import { f04 } from "./f04-primary-paused.ts";
import { f05 } from "./f05-partition.ts";
import { f06 } from "./f06-planned-change.ts";
import { f07 } from "./f07-cluster.ts";
import { f08 } from "./f08-disk-full.ts";
import { f09 } from "./f09-memory-full.ts";
import { f10 } from "./f10-redis-slow.ts";
import { f11 } from "./f11-replies-lost.ts";
import { f12 } from "./f12-errors-of-redis.ts";
import { f13 } from "./f13-clocks.ts";
import { f14 } from "./f14-signals.ts";
import { f15 } from "./f15-killed-after-commit.ts";
import { f16 } from "./f16-rolling-restart.ts";
import { f17 } from "./f17-rotation.ts";
import { f18 } from "./f18-restarts-in-rotation.ts";
import { f19 } from "./f19-operators.ts";
import { f20 } from "./f20-key-files.ts";
import { f22 } from "./f22-garbage.ts";
import { f23 } from "./f23-tabs-losses-thieves.ts";
import { f24 } from "./f24-races.ts";
import { f25 } from "./f25-assertions.ts";
import { f26 } from "./f26-soak.ts";
import { f27 } from "./f27-saturation.ts";
import { f28 } from "./f28-random-histories.ts";
import { f29 } from "./f29-mutated-requests.ts";
import type { Row } from "./row.ts";

export const ROWS: readonly Row[] = [
  f01,
  f02,
  f03,
  f04,
  f05,
  f06,
  f07,
  f08,
  f09,
  f10,
  f11,
  f12,
  f13,
  f14,
  f15,
  f16,
  f17,
  f18,
  f19,
  f20,
  f22,
  f23,
  f24,
  f25,
  f27,
  f28,
  f29,
];

/** Takes as long as it takes: only where it is named. */
export const SOAK: Row = f26;

const VERIFIER = "not yet: comes with the issue on the verifier";

/** Why a row of the matrix is not run. */
export const NOT_YET: Readonly<Record<string, string>> = {
  F21: VERIFIER,
};
