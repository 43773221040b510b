import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { accessTokenLifetime, grantResources, longestAccessTokenLifetime, parseScope, selectAccess } from "../../src/domain/grants.ts";
import type { Client, Policy, Resource } from "../../src/domain/policy.ts";
import { isRefusal } from "../../src/domain/refusal.ts";
import type { GrantedResource } from "../../src/domain/session.ts";

const ISSUER = "https://issuer.example";
const A = "https://a.example";
const B = "https://b.example";
const C = "https://c.example";

function resource(id: string, scopes: readonly string[], accessTokenLifetimeMillis = 600_000): Resource {
  return { id, scopes, algorithm: "ES256", edAlgName: "EdDSA", accessTokenLifetimeMillis };
}

function client(id: string, changes: Partial<Client>): Client {
  return {
    id,
    type: "public",
    grants: ["login", "refresh_token"],
    refreshTokenDelivery: "body",
    allowedOrigins: [],
    rotates: true,
    resources: [A, B, ISSUER],
    scopes: ["read", "write", "list"],
    sessions: true,
    retryWindowMillis: 0,
    keyedRetryWindowMillis: 0,
    idleLifetimeMillis: 0,
    absoluteLifetimeMillis: 0,
    accessTokenLifetimeMillis: 600_000,
    ...changes,
  };
}

const APP = client("app", {});
const PLAIN = client("plain", { sessions: false, resources: [A, B] });

function policyOf(clients: readonly Client[], resources: readonly Resource[]): Policy {
  return {
    issuer: ISSUER,
    clockSkewMillis: 0,
    resources: new Map(resources.map((each) => [each.id, each])),
    clients: new Map(clients.map((each) => [each.id, each])),
    trustedIssuers: new Map(),
    keys: {
      algorithms: ["ES256"],
      defaultAlgorithm: "ES256",
      rotateEveryMillis: undefined,
      stageForMillis: 0,
      jwksMaxAgeMillis: 0,
      countFetches: true,
    },
    login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 10, failuresPerMinutePerAddress: 100 },
    heal: true,
    maxSessionsPerSubjectAndClient: 100,
  };
}

const RESOURCES = [
  resource(A, ["read", "write", "admin"]),
  resource(B, ["read", "list"]),
  resource(C, ["read"]),
  resource(ISSUER, ["sessions"]),
];
const POLICY = policyOf([APP, PLAIN], RESOURCES);
const OWN: GrantedResource = { id: ISSUER, scopes: ["sessions"] };
const ALL_A: GrantedResource = { id: A, scopes: ["read", "write"] };
const ALL_B: GrantedResource = { id: B, scopes: ["read", "list"] };

t.test("a scope is tokens of RFC 6749 §3.3 with one space between, without repetition", async (t) => {
  t.same(parseScope("read"), ["read"]);
  t.same(parseScope("read write read"), ["read", "write"]);
  t.same(parseScope("!#[]~"), ["!#[]~"]);
  for (const text of ["", " ", " read", "read ", "read  write", "read\twrite", "read\n", 'a"b', "a\\b", "é", "\x7f", "\x00"])
    t.equal(parseScope(text), undefined, JSON.stringify(text));
});

t.test("a login that names nothing gets all of the client's resources with the scopes that both may have, the issuer's last", async (t) => {
  t.same(grantResources(POLICY, APP, [], undefined), [ALL_A, ALL_B, OWN]);
  t.same(grantResources(POLICY, PLAIN, [], undefined), [ALL_A, ALL_B]);
});

t.test("named resources come in the order in which they were named, the issuer's is in every session and last", async (t) => {
  t.same(grantResources(POLICY, APP, [B], undefined), [ALL_B, OWN]);
  t.same(grantResources(POLICY, APP, [B, A], undefined), [ALL_B, ALL_A, OWN]);
  t.same(grantResources(POLICY, APP, [ISSUER, B], undefined), [ALL_B, OWN]);
  t.same(grantResources(POLICY, APP, [ISSUER, A, B], "read"), [{ id: A, scopes: ["read"] }, { id: B, scopes: ["read"] }, OWN]);
  t.same(grantResources(POLICY, APP, [ISSUER], undefined), [OWN]);
  t.same(grantResources(POLICY, PLAIN, [B, B], undefined), [ALL_B]);
});

t.test("a resource that is not the client's is no target (RFC 8707 §2)", async (t) => {
  for (const named of [[C], [A, C], ["https://unknown.example"], [""]])
    t.match(grantResources(POLICY, APP, named, undefined), { refused: "invalid_target" });
  t.match(grantResources(POLICY, PLAIN, [ISSUER], undefined), { refused: "invalid_target" });
});

t.test("scope narrows each resource; one that is left with none was not asked for, unless it was named", async (t) => {
  t.same(grantResources(POLICY, APP, [], "read"), [{ id: A, scopes: ["read"] }, { id: B, scopes: ["read"] }, OWN]);
  t.same(grantResources(POLICY, APP, [], "list"), [{ id: B, scopes: ["list"] }, OWN]);
  t.same(grantResources(POLICY, APP, [A, B], "list"), [{ id: A, scopes: [] }, { id: B, scopes: ["list"] }, OWN]);
  t.same(grantResources(POLICY, APP, [], "sessions"), [OWN]);
});

t.test("a scope that nothing offers, or that is malformed, is refused whole", async (t) => {
  for (const scope of ["admin", "read admin", "delete", "", "read  write"])
    t.match(grantResources(POLICY, APP, [], scope), { refused: "invalid_scope" }, scope);
  t.match(grantResources(POLICY, APP, [B], "write"), { refused: "invalid_scope" }, "of another resource");
  t.match(grantResources(POLICY, PLAIN, [], "sessions"), { refused: "invalid_scope" });
});

t.test("a refresh is for the first granted resource or the one asked for", async (t) => {
  const granted = [ALL_B, ALL_A, OWN];
  t.match(selectAccess(POLICY, APP, granted, undefined, undefined), { resource: { id: B }, scopes: ["read", "list"] });
  t.match(selectAccess(POLICY, APP, granted, A, undefined), { resource: { id: A }, scopes: ["read", "write"] });
  t.match(selectAccess(POLICY, APP, granted, ISSUER, undefined), { resource: { id: ISSUER }, scopes: ["sessions"] });
  for (const id of [C, "", "https://unknown.example"])
    t.match(selectAccess(POLICY, APP, granted, id, undefined), { refused: "invalid_target" });
  t.match(selectAccess(POLICY, APP, [], undefined, undefined), { refused: "invalid_target" });
});

t.test("scope may narrow a refresh and not widen it, not even to what another granted resource has", async (t) => {
  const granted = [{ id: A, scopes: ["read"] }, ALL_B];
  t.match(selectAccess(POLICY, APP, granted, undefined, "read"), { scopes: ["read"] });
  t.match(selectAccess(POLICY, APP, granted, B, "list"), { scopes: ["list"] });
  for (const scope of ["write", "list", "read list", "sessions", "", "read "])
    t.match(selectAccess(POLICY, APP, granted, undefined, scope), { refused: "invalid_scope" }, scope);
});

t.test("what the configuration took away since the login is gone from the grant", async (t) => {
  const granted = [ALL_A, ALL_B, OWN];
  const less = client("app", { resources: [B], scopes: ["read"], sessions: false });
  t.match(selectAccess(policyOf([less], RESOURCES), less, granted, undefined, undefined), { resource: { id: B }, scopes: ["read"] });
  t.match(selectAccess(policyOf([less], RESOURCES), less, granted, A, undefined), { refused: "invalid_target" });
  t.match(selectAccess(policyOf([less], RESOURCES), less, granted, ISSUER, undefined), { refused: "invalid_target" });
  const without = policyOf([APP], [resource(A, ["write"]), resource(ISSUER, ["sessions"])]);
  t.match(selectAccess(without, APP, granted, B, undefined), { refused: "invalid_target" });
  const written = selectAccess(without, APP, granted, undefined, undefined);
  t.same(isRefusal(written) ? [] : written.scopes, ["write"]);
  const more = client("app", { scopes: ["read", "write", "admin"] });
  t.same(
    scopesOf(selectAccess(policyOf([more], RESOURCES), more, granted, A, undefined)),
    ["read", "write"],
    "and what it added is not in it",
  );
});

function scopesOf(result: ReturnType<typeof selectAccess>): readonly string[] | undefined {
  return isRefusal(result) ? undefined : result.scopes;
}

t.test("no access token ever has a scope that was not granted, or that client or resource may not have now", async () => {
  const scopes = ["read", "write", "list", "admin", "sessions"];
  const some = fc.subarray(scopes);
  const asked = fc.option(
    fc.shuffledSubarray(scopes, { minLength: 1 }).map((names) => names.join(" ")),
    { nil: undefined },
  );
  fc.assert(
    fc.property(
      some,
      some,
      some,
      fc.shuffledSubarray([A, B, ISSUER]),
      asked,
      asked,
      fc.constantFrom(undefined, A, B, ISSUER),
      fc.boolean(),
      (ofClient, ofA, ofB, named, atLogin, atRefresh, id, sessions) => {
        const one = client("app", {
          scopes: ofClient.filter((scope) => scope !== "sessions"),
          sessions,
          resources: sessions ? [A, B, ISSUER] : [A, B],
        });
        const policy = policyOf([one], [resource(A, ofA), resource(B, ofB), resource(ISSUER, ["sessions"])]);
        const granted = grantResources(policy, one, named, atLogin);
        if (isRefusal(granted)) return true;
        if (sessions && granted.at(-1)?.id !== ISSUER) return false;
        if (new Set(granted.map((each) => each.id)).size !== granted.length) return false;
        const access = selectAccess(policy, one, granted, id, atRefresh);
        if (isRefusal(access)) return true;
        if (id !== undefined && access.resource.id !== id) return false;
        const inGrant = granted.find((each) => each.id === access.resource.id)?.scopes ?? [];
        return access.scopes.every((scope) => {
          if (!inGrant.includes(scope)) return false;
          if (access.resource.id === ISSUER) return scope === "sessions";
          return (
            one.scopes.includes(scope) &&
            access.resource.scopes.includes(scope) &&
            (atLogin === undefined || atLogin.split(" ").includes(scope))
          );
        });
      },
    ),
    { numRuns: runs(500) },
  );
});

t.test("an access token lives the shorter of the client's and the resource's lifetime", async (t) => {
  t.equal(accessTokenLifetime(APP, resource(A, [], 5)), 5);
  t.equal(accessTokenLifetime(client("x", { accessTokenLifetimeMillis: 3 }), resource(A, [], 5)), 3);
});

t.test("an end is remembered for the longest access token: of the client, or of anyone where the client is unknown", async (t) => {
  const short = client("short", { accessTokenLifetimeMillis: 7 });
  const policy = policyOf([short, APP], [resource(A, [], 5), resource(B, [], 900_000)]);
  t.equal(longestAccessTokenLifetime(policy, "short"), 7);
  t.equal(longestAccessTokenLifetime(policy, "app"), 600_000);
  t.equal(longestAccessTokenLifetime(policy, undefined), 900_000);
  t.equal(longestAccessTokenLifetime(policy, "gone"), 900_000);
  t.equal(longestAccessTokenLifetime(policyOf([], []), undefined), 0);
});
