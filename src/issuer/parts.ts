/** What flows are made with, put together in index.ts. */

import type { AccessTokens } from "./access-tokens.ts";
import type { Accounts } from "./accounts.ts";
import type { Assertions } from "./assertions.ts";
import type { Context } from "./context.ts";
import type { Ends } from "./ends.ts";
import type { JwksFetches } from "./jwks-fetches.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Marker } from "./marker.ts";
import type { Reach } from "./reach.ts";
import type { Subjects } from "./subjects.ts";
import type { Throttle } from "./throttle.ts";

export interface SessionParts {
  readonly context: Context;
  readonly keyRing: KeyRing;
  readonly subjects: Subjects;
  readonly tokens: AccessTokens;
  readonly ends: Ends;
  readonly marker: Marker;
  readonly reach: Reach;
  readonly fetches: JwksFetches;
}

export interface LoginParts extends SessionParts {
  readonly accounts: Accounts;
  readonly throttle: Throttle;
}

export interface AssertionParts extends SessionParts {
  readonly assertions: Assertions;
}
