import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import t from "tap";
import { packageVersion } from "../../src/platform/version.ts";
import { Description, type OpenApi, pointerTo } from "../support/described.ts";
import { ISSUER, POLICY } from "../support/fake-issuer.ts";
import { routesOf } from "../support/routes.ts";
import { description, edge, injected } from "./support.ts";

const { document } = description;

t.test("the description is for everyone to read and keep", async (t) => {
  const { app } = edge({}, { version: "1.2.3" });
  const answer = await injected(app, "GET", "/openapi.json", { origin: "https://anyone.example" });
  t.equal(answer.status, 200);
  t.equal(answer.headers["content-type"], "application/json");
  t.equal(answer.headers["cache-control"], "public, max-age=600");
  t.equal(answer.headers["access-control-allow-origin"], "*");
  t.equal(answer.headers.pragma, undefined);
  const { openapi, info, servers } = JSON.parse(answer.body) as OpenApi;
  t.equal(openapi, "3.1.0");
  t.equal(info.version, "1.2.3");
  t.same(servers, [{ url: ISSUER }]);
  const head = await injected(app, "HEAD", "/openapi.json");
  t.equal(head.status, 200);
  t.equal(head.headers["content-length"], String(Buffer.byteLength(answer.body)));
});

t.test("its version is the package's", async (t) => {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "package.json"), "utf8");
  t.equal(packageVersion(), (JSON.parse(text) as { version: string }).version);
});

t.test("it is valid OpenAPI 3.1", async (t) => {
  const validator = new Validator();
  const verdict = await validator.validate({ ...structuredClone(document) });
  t.same(verdict, { valid: true });
  t.equal(validator.version, "3.1");
  const { info: _, ...headless } = structuredClone(document);
  t.equal((await new Validator().validate(headless)).valid, false, "the validator finds what is missing");
});

/** Where schemas stand in a part of the document. */
function schemaPointers(part: unknown, ...place: string[]): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, member]) =>
    name === "schema" ? [pointerTo(...place, name)] : schemaPointers(member, ...place, name),
  );
}

t.test("every schema in it is strict JSON Schema 2020-12, and its references lead somewhere", async (t) => {
  const pointers = [
    ...schemaPointers(document),
    ...Object.keys(document.components.schemas).map((name) => pointerTo("components", "schemas", name)),
  ];
  t.ok(pointers.length > 50);
  for (const pointer of pointers) t.doesNotThrow(() => description.schemaFault(pointer, undefined), pointer);
  for (const [, , { operationId, responses }] of description.operations)
    for (const response of Object.values(responses))
      for (const header of Object.values(description.resolve(response).headers)) t.ok(description.resolve(header)?.schema, operationId);
  t.throws(() => new Description('{"components":{"x":{"typ":"string"}}}').schemaFault("#/components/x", 1), "what is no schema is found");
});

t.test("it has every route of the issuer, each under a name of its own, and nothing else", async (t) => {
  for (const enabled of [true, false]) {
    const { app } = edge({ policy: { ...POLICY, login: { ...POLICY.login, enabled } } });
    const { body } = await injected(app, "GET", "/openapi.json");
    const { operations } = new Description(body);
    const described = operations.map(([method, path]) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`);
    t.same(described.sort(), [...routesOf(app)].sort());
    t.equal(described.includes("POST /login"), enabled);
    t.equal(new Set(operations.map(([, , { operationId }]) => operationId)).size, operations.length);
  }
});

t.test("an answer that is not described is found", async (t) => {
  const body = JSON.stringify({ error: "invalid_grant", error_description: "no" });
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", "x-request-id": "x" };
  const { "x-request-id": _, ...nameless } = headers;
  const good = { status: 400, headers, body };
  const fault = (more: Partial<Omit<typeof good, "headers">> & { headers?: Record<string, string> }, method = "POST", url = "/token") =>
    description.answerFault(method, url, { ...good, ...more });
  t.equal(fault({}), undefined);
  for (const [what, found] of [
    ["a status", fault({ status: 418 })],
    ["another route's word", fault({ body: body.replace("grant", "token") })],
    ["a member too many", fault({ body: body.replace("{", '{"hint":"x",') })],
    ["a member too few", fault({ body: '{"error":"invalid_grant"}' })],
    ["no JSON", fault({ body: "no" })],
    ["nothing", fault({ body: "" })],
    ["another media type", fault({ headers: { ...headers, "content-type": "text/html" } })],
    ["a header that is missing", fault({ headers: nameless })],
    ["no Retry-After", fault({ status: 503, body: body.replace("invalid_grant", "temporarily_unavailable") })],
    [
      "a Retry-After that is no number",
      fault({
        status: 503,
        body: body.replace("invalid_grant", "temporarily_unavailable"),
        headers: Object.assign({ "retry-after": "soon" }, headers),
      }),
    ],
    ["a body where there is none", fault({ status: 204 }, "POST", "/logout")],
    ["a body for HEAD", fault({ status: 200 }, "HEAD", "/livez")],
    ["something at a path that is not there", fault({ status: 200 }, "GET", "/metrics")],
    ["something for a method that is not there", fault({ status: 200 }, "GET", "/token")],
    ["405 without Allow", fault({ status: 405, body: body.replace("grant", "request") }, "GET", "/token")],
  ] as const)
    t.type(found, "string", what);
});
