import t from "tap";
import { isRefusal, refusal } from "../../src/domain/refusal.ts";

t.test("a refusal is a value with the standard's word; a wait is there only where there is one", async (t) => {
  t.same(refusal("invalid_grant", "over"), { refused: "invalid_grant", description: "over" });
  t.same(refusal("slow_down", "too many", 7), { refused: "slow_down", description: "too many", retryAfterSeconds: 7 });
  t.same(refusal("slow_down", "too many", 0), { refused: "slow_down", description: "too many", retryAfterSeconds: 0 });
});

t.test("refusals are told from grants", async (t) => {
  t.ok(isRefusal(refusal("invalid_scope", "no")));
  t.notOk(isRefusal({ done: true }));
  t.notOk(isRefusal([]));
});
