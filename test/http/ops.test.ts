import { randomBytes } from "node:crypto";
import t from "tap";
import { buildOpsApp } from "../../src/http/ops.ts";
import { fakeIssuer } from "../support/fake-issuer.ts";
import { errorOf, injectedAnywhere } from "./support.ts";

t.test("the operator's listener has metrics and health and nothing of the issuer", async (t) => {
  const metrics = { contentType: "text/plain; version=0.0.4; charset=utf-8", text: async () => "up 1\n" };
  const app = buildOpsApp({ issuer: fakeIssuer(), random: randomBytes, metrics });
  const answer = await injectedAnywhere(app, "GET", "/metrics");
  t.equal(answer.status, 200);
  t.equal(answer.headers["content-type"], metrics.contentType);
  t.equal(answer.body, "up 1\n");
  t.equal((await injectedAnywhere(app, "GET", "/livez")).status, 200);
  t.equal((await injectedAnywhere(app, "GET", "/readyz")).status, 200);
  const token = await injectedAnywhere(app, "POST", "/token");
  t.equal(token.status, 404);
  t.equal(errorOf(token), "not_found");
});
