/** What a deliberate fault of the product is. */

import type { Named } from "../checks/index.ts";
import type { Row } from "../rows/row.ts";

export interface Change {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs exactly once in it. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it, in one sentence. */
  readonly what: string;
  readonly changes: readonly Change[];
  /** The smallest that can catch it: a row of the matrix, or a drill made for it. */
  readonly row: Row;
  /** Of the row; 1 if absent. */
  readonly rounds?: number;
  /** What must be violated. */
  readonly invariant: Named;
}
