/** What the configuration says about the ring, in the ring's own terms. */

import type { Policy, Resource } from "../domain/policy.ts";
import type { JwsAlgorithm, KeyAlgorithm, RingPolicy, SigningAlgorithm } from "../domain/ring.ts";

/**
 * The `alg` values that tokens are to carry. A key has one for life, so resources that ask for `Ed25519` and others
 * that ask for `EdDSA` have keys of their own (RFC 9864, RFC 8725bis §3.1).
 */
export function jwsAlgorithms(policy: Policy): readonly JwsAlgorithm[] {
  const used = new Set(policy.keys.algorithms.flatMap((algorithm) => namesInUse(policy, algorithm)));
  return [...used];
}

function namesInUse(policy: Policy, algorithm: SigningAlgorithm): readonly JwsAlgorithm[] {
  if (algorithm === "ES256") return ["ES256"];
  const names = [...policy.resources.values()].filter((resource) => resource.algorithm === "EdDSA").map((resource) => resource.edAlgName);
  return names.length === 0 ? ["EdDSA"] : names;
}

export function algorithmOf(resource: Resource): JwsAlgorithm {
  return resource.algorithm === "EdDSA" ? resource.edAlgName : resource.algorithm;
}

export function ringPolicy(policy: Policy): RingPolicy {
  const longestToken = Math.max(0, ...[...policy.resources.values()].map((resource) => resource.accessTokenLifetimeMillis));
  const longestSession = Math.max(0, ...[...policy.clients.values()].map((client) => client.absoluteLifetimeMillis));
  return {
    algorithms: [...jwsAlgorithms(policy), "HS256"],
    stageForMillis: policy.keys.stageForMillis,
    rotateEveryMillis: policy.keys.rotateEveryMillis,
    jwksMaxAgeMillis: policy.keys.jwksMaxAgeMillis,
    clockSkewMillis: policy.clockSkewMillis,
    longestLifetimeMillis: (algorithm: KeyAlgorithm) => (algorithm === "HS256" ? longestSession : longestToken),
  };
}
