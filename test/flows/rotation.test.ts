/** Key rotations in simulated time, and verifiers nobody here wrote: a small version of `npm run figures:rotation`. */

import t from "tap";
import { Published } from "../../scripts/figures/rotation/published.ts";
import { rotation } from "../../scripts/figures/rotation.ts";

// On a machine that is slow and busy.
t.setTimeout(300_000);

const NO_REJECTIONS = { jose: 0, "jwks-rsa": 0, "get-jwks": 0, "aws-jwt-verify": 0 };

t.test("verifiers at the limit of their caches accept every token over twenty rotations in simulated time", async (t) => {
  const { keys, rejected, unpublished, refused, tokens, fetches } = await rotation({ rotations: 20, seed: 20_261_128 });
  t.same({ rejected, unpublished, refused }, { rejected: NO_REJECTIONS, unpublished: 0, refused: 0 });
  t.ok(keys > 20, "each rotation brought another key of each algorithm");
  t.ok(tokens > 20 * 10 && fetches > 20, "there was something to verify");
});

t.test("keys that sign a second after they were made are what the same verifiers refuse", async (t) => {
  const { rejected } = await rotation({ rotations: 6, seed: 20_261_128, stageForMillis: 1_000, isHasty: true });
  t.ok((rejected["jose"] ?? 0) > 0, "jose asks for an unknown kid every 30 s at most");
});

t.test("a kid counts as published from the last JWK Set without it on", async (t) => {
  const published = new Published();
  published.served(["a"], 0);
  published.served(["a"], 1_000);
  published.served(["a", "b"], 2_000);
  t.equal(published.sinceMillis("a", 5_000), Infinity, "it was in the first");
  t.equal(published.sinceMillis("b", 5_000), 4_000);
  t.equal(published.sinceMillis("c", 5_000), 0, "nobody has seen it");
  published.served(["b"], 3_000);
  published.served(["a", "b"], 4_000);
  t.equal(published.sinceMillis("a", 5_000), 2_000, "it was away");
});
