/** Many at once: there is no losing side. */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { World } from "../support/issuer-world.ts";

t.test("64 refreshes of one token at once on two issuers give one successor and no error", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const nodes = [await world.startedNode(), await world.startedNode()];
  await world.addUser("alice");
  let { refreshToken } = await nodes[0]!.logIn("alice");
  for (let round = 0; round < 20; round += 1) {
    for (const node of nodes) node.link.forgetCalls();
    const all = await Promise.all(Array.from({ length: 64 }, (_, index) => nodes[index % 2]!.refresh(refreshToken)));
    const successors = new Set(all.map((grant) => grant.refreshToken));
    t.equal(successors.size, 1, `round ${round}`);
    t.equal(new Set(all.map((grant) => grant.accessToken)).size, 64, "each has an access token of its own");
    const swaps = nodes
      .flatMap((node) => node.link.executed)
      .filter(({ op, key, result }) => op === "compareAndSet" && key.startsWith(KEYS.subjectPrefix) && result === true);
    t.equal(swaps.length, 1, "one rotation");
    refreshToken = all[0]!.refreshToken;
  }
});

t.test("64 logins of one subject at once on two issuers are 64 sessions", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const nodes = [await world.startedNode(), await world.startedNode()];
  const sub = await world.addUser("alice");
  const all = await Promise.all(
    Array.from({ length: 64 }, (_, index) => nodes[index % 2]!.logIn("alice", { address: `192.0.2.${index}` })),
  );
  t.equal(new Set(all.map(({ sid }) => sid)).size, 64);
  t.equal((await world.subject(sub))?.sessions.length, 64);
});

t.test("refreshes that race a revocation: none is good once it was acknowledged", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const nodes = [await world.startedNode(), await world.startedNode()];
  await world.addUser("alice");
  for (let round = 0; round < 50; round += 1) {
    const { refreshToken } = await nodes[0]!.logIn("alice");
    const revoker = nodes[round % 2]!;
    const [revoked, ...refreshed] = await Promise.all([
      (async () => {
        for (let wait = 0; wait < round % 7; wait += 1) await Promise.resolve();
        return revoker.issuer.revoke({ client: revoker.client("app"), token: refreshToken });
      })(),
      ...Array.from({ length: 6 }, (_, index) => nodes[index % 2]!.tryRefresh(refreshToken)),
    ]);
    t.same(revoked, { done: true });
    const tokens = refreshed.flatMap((answer) =>
      "refreshToken" in answer && answer.refreshToken !== undefined ? [answer.refreshToken] : [],
    );
    for (const token of [refreshToken, ...tokens]) t.match(await nodes[0]!.tryRefresh(token), { refused: "invalid_grant" });
  }
});
