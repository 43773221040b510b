/** I8: nobody takes an access token that has expired, or one of a key that was revoked longer ago than a verifier may not know. */

import type { History, Operation } from "../history/read.ts";
import type { Check } from "./finding.ts";
import { revokedKeys } from "./keys.ts";

export const expiredTokens: Check = (history) => {
  const revoked = revokedKeys(history);
  const taken = history.operations.filter(
    ({ op, outcome, active }) => outcome === "ok" && (op === "verify" || (op === "introspect" && active === true)),
  );
  return taken.flatMap((operation) => {
    if (isExpired(history, operation)) return [{ what: "an access token was taken after it had expired", lines: [operation.number] }];
    const revocation = operation.kid === undefined ? undefined : revoked.get(operation.kid);
    if (revocation === undefined || operation.invokedAt <= revocation.at + revocation.staleMillis) return [];
    return [{ what: `a token of the revoked key ${operation.kid} was taken`, lines: [operation.number] }];
  });
};

function isExpired({ run }: History, { exp, kid, invokedAt }: Operation): boolean {
  // Refresh tokens have no kid; what introspection says of their expiry is another thing.
  if (exp === undefined || kid === undefined) return false;
  return invokedAt > exp * 1_000 - run.wallClock + run.rules.clockSkewMillis + run.rules.clockErrorMillis;
}
