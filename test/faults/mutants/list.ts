/** The deliberate faults, each of which a named invariant must catch. */

import type { Mutant } from "./mutant.ts";
import { OF_SESSIONS } from "./of-sessions.ts";
import { OF_THE_STORE } from "./of-the-store.ts";
import { OF_TOKENS } from "./of-tokens.ts";

export const MUTANTS: readonly Mutant[] = [...OF_SESSIONS, ...OF_THE_STORE, ...OF_TOKENS];
