/** Faults of keys, access tokens, assertions, introspection and logs. */

import { calm } from "./drills/calm.ts";
import { keys } from "./drills/keys.ts";
import { operators } from "./drills/operators.ts";
import type { Mutant } from "./mutant.ts";

const ACCESS_TOKENS = "src/issuer/access-tokens.ts";
const JTI = "jti: base64url(random(JTI_BYTES)),";

export const OF_TOKENS: readonly Mutant[] = [
  {
    name: "signs-before-published",
    what: "a key signs as soon as there is one",
    changes: [
      {
        file: "src/domain/ring-plan.ts",
        find: "activeAt: Math.max(now, due, agedAt(next, policy)) } as const",
        replace: "activeAt: now } as const",
      },
    ],
    row: keys,
    invariant: "I6",
  },
  {
    name: "retires-at-once",
    what: "a key leaves the JWK Set when the next one begins to sign",
    changes: [
      {
        file: "src/domain/ring.ts",
        find: '.filter(({ state }) => state === "staged" || state === "active" || state === "retiring");',
        replace: '.filter(({ state }) => state === "staged" || state === "active");',
      },
    ],
    row: keys,
    invariant: "I7",
  },
  {
    name: "retires-early",
    what: "a key leaves the JWK Set when verifiers have had time to fetch the next one, and its last tokens live on",
    changes: [
      {
        file: "src/domain/ring.ts",
        find: "retiringAt + key.longestLifetimeMillis + policy.jwksMaxAgeMillis + policy.clockSkewMillis + RING_LAG_MILLIS;",
        replace: "retiringAt + policy.jwksMaxAgeMillis;",
      },
    ],
    row: keys,
    invariant: "I7",
  },
  {
    name: "rotates-twice",
    what: "an operator who was overtaken by another's rotation rotates once more",
    changes: [{ file: "src/issuer/operator-keys.ts", find: "return first === plan;", replace: "return first !== undefined;" }],
    row: operators,
    invariant: "row",
  },
  {
    name: "expiry-ignored",
    what: "introspection does not look at exp",
    changes: [
      {
        file: "src/jws/access-token.ts",
        find: 'if (now >= members.exp * 1000 + tolerance) return refuse("expired");',
        replace: "",
      },
      { file: ACCESS_TOKENS, find: "result.ok && now < result.claims.exp * 1_000 ?", replace: "result.ok ?" },
      {
        file: "src/issuer/introspect.ts",
        find: "if (claims.exp * 1_000 <= parts.context.clock()) return INACTIVE;",
        replace: "",
      },
    ],
    row: keys,
    invariant: "I8",
  },
  {
    name: "introspects-without-store",
    what: "introspection does not ask whether the session of an access token lives",
    changes: [
      {
        file: "src/issuer/introspect.ts",
        find: "if (sid !== undefined && (await findLiving(parts, subjectKey, sid)) === undefined) return INACTIVE;",
        replace: "",
      },
    ],
    row: calm,
    invariant: "I9",
  },
  {
    name: "jti-counted",
    what: "jti is a counter of the process",
    changes: [
      { file: ACCESS_TOKENS, find: JTI, replace: "jti: String((jtis += 1))," },
      { file: ACCESS_TOKENS, find: "const JTI_BYTES = 16;", replace: "let jtis = 0;" },
    ],
    row: calm,
    invariant: "I10",
  },
  {
    name: "assertion-not-remembered",
    what: "an assertion is taken as often as it comes",
    changes: [
      {
        file: "src/issuer/assertions.ts",
        find: "async take({ claims }: ParsedAssertion): Promise<boolean> {",
        replace: "async take({ claims }: ParsedAssertion): Promise<boolean> {\n    if (claims !== undefined) return true;",
      },
    ],
    row: calm,
    invariant: "I10",
  },
  {
    name: "token-logged",
    what: "a presented refresh token appears in what the process writes",
    changes: [
      {
        file: "src/issuer/refresh.ts",
        find: "const token = await recognize(parts, request.refreshToken);",
        replace: "console.error(`presented: ${request.refreshToken}`);\n  const token = await recognize(parts, request.refreshToken);",
      },
    ],
    row: calm,
    invariant: "I11",
  },
];
