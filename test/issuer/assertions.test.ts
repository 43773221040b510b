/** What others sign for the issuer: client assertions, and trusted issuers' assertions as a grant (RFC 7523). */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { JWT_BEARER, type TrustedIssuer } from "../../src/domain/policy.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { isRefusal } from "../../src/domain/refusal.ts";
import { UnavailableError } from "../../src/issuer/index.ts";
import { assertion, type AssertionParts, newParty } from "../support/assertions.ts";
import type { FaultKind } from "../support/faulty-store.ts";
import {
  API,
  claimsOf,
  client,
  granted,
  ISSUER,
  MINUTE,
  type Node,
  policy,
  REPORTS,
  SECOND,
  type SessionGrant,
  World,
} from "../support/issuer-world.ts";

const machine = newParty("ES256", "machine-1");
const edMachine = newParty("EdDSA", "ed-1");
const stranger = newParty("ES256", "machine-1");
const idp = newParty("EdDSA", "idp-1");
const JWKS_URI = "https://machine.example/jwks";
const LOGIN = "https://login.example.com/team";

const CLIENTS = [
  client("app", { grants: [JWT_BEARER, "refresh_token"], resources: [API, REPORTS, ISSUER], sessions: true }),
  client("other", { grants: [JWT_BEARER, "refresh_token"] }),
  client("machine", { type: "confidential", grants: ["client_credentials"], jwks: { jwks: machine.jwks } }),
  client("ed", {
    type: "confidential",
    grants: ["client_credentials"],
    jwks: { jwks: { keys: [{ ...edMachine.publicJwk, kid: undefined }] } },
  }),
  client("remote", { type: "confidential", grants: ["client_credentials"], jwks: { jwksUri: JWKS_URI } }),
];
const TRUSTED: TrustedIssuer = { issuer: LOGIN, jwks: { jwks: idp.jwks }, subjectPrefix: "team:", clients: ["app"] };
const POLICY = policy({ trustedIssuers: new Map([[LOGIN, TRUSTED]]) }, CLIENTS);

async function world(nodes = 1): Promise<{ world: World; node: Node; nodes: Node[] }> {
  const made = new World({ policy: POLICY });
  t.teardown(() => made.close());
  const started: Node[] = [];
  for (let count = 0; count < nodes; count += 1) started.push(await made.startedNode());
  return { world: made, node: started[0]!, nodes: started };
}

/** What authenticating by this assertion gives: the client's id, or the refusal. */
async function outcome(node: Node, text: string, clientId?: string): Promise<string> {
  const answer = await node.issuer.authenticateClient({ method: "private_key_jwt", clientId, assertion: text });
  return isRefusal(answer) ? answer.refused : answer.id;
}

const ofMachine = (now: number, parts: AssertionParts = {}, id = "machine", party = machine) =>
  assertion(party, { iss: id, sub: id, aud: ISSUER, now }, parts);

t.test("a client proves itself by an assertion, with or without a kid, of either algorithm", async (t) => {
  const {
    world: { now, random },
    node,
  } = await world();
  t.equal(random(1).length, 1);
  t.equal(await outcome(node, await ofMachine(now)), "machine");
  t.equal(await outcome(node, await ofMachine(now), "machine"), "machine", "client_id may repeat it (RFC 7521 §4.2)");
  t.equal(await outcome(node, await ofMachine(now, { header: { kid: undefined } })), "machine");
  t.equal(await outcome(node, await ofMachine(now, { header: { kid: undefined } }, "ed", edMachine)), "ed");
  for (const typ of ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"])
    t.equal(await outcome(node, await ofMachine(now, { header: { typ } })), "machine", typ);
  const slow = Math.floor(now / 1_000) + 8;
  t.equal(await outcome(node, await ofMachine(now, { claims: { iat: slow, nbf: slow } })), "machine", "8 s ahead (FAPI 2.0 §5.3.2.1-13)");
  t.equal(await outcome(node, await ofMachine(now, { claims: { exp: Math.floor(now / 1_000) + 300 } })), "machine", "5 minutes");
});

t.test("an assertion that is not all of that is refused, and nothing is stored", async (t) => {
  const {
    world: { now },
    node,
  } = await world();
  const seconds = Math.floor(now / 1_000);
  const rows: [string, AssertionParts, string?][] = [
    ["an unknown kid", { header: { kid: "machine-2" } }],
    ["another's key under the right kid", { signedBy: stranger }],
    ["another algorithm than the key's", { signedBy: edMachine }],
    ["a key in the header", { header: { jwk: stranger.publicJwk }, signedBy: stranger }],
    ["an access token's type", { header: { typ: "at+jwt" } }],
    ["a grant's type", { header: { typ: "authorization-grant+jwt" } }],
    ["no iss", { claims: { iss: undefined } }],
    ["another iss", { claims: { iss: "other" } }],
    ["no sub", { claims: { sub: undefined } }],
    ["another sub", { claims: { sub: "ed" } }],
    ["an unknown client", { claims: { iss: "nobody", sub: "nobody" } }],
    ["a client without keys", { claims: { iss: "app", sub: "app" } }],
    ["a client_id that differs", {}, "ed"],
    ["no aud", { claims: { aud: undefined } }],
    ["the token endpoint as aud", { claims: { aud: `${ISSUER}/token` } }],
    ["another issuer as aud", { claims: { aud: "https://other.example" } }],
    ["two audiences", { claims: { aud: [ISSUER, "https://other.example"] } }],
    ["a list of one audience", { claims: { aud: [ISSUER] } }],
    ["no exp", { claims: { exp: undefined } }],
    ["exp as text", { claims: { exp: String(seconds + 60) } }],
    ["expired", { claims: { exp: seconds - 10 } }],
    ["exp too far ahead", { claims: { exp: seconds + 311 } }],
    ["not valid yet", { claims: { nbf: seconds + 61 } }],
    ["issued in the future", { claims: { iat: seconds + 61 } }],
    ["no jti", { claims: { jti: undefined } }],
    ["an empty jti", { claims: { jti: "" } }],
    ["a jti that is no text", { claims: { jti: 7 } }],
    ["a jti without end", { claims: { jti: "x".repeat(257) } }],
  ];
  node.link.forgetCalls();
  for (const [what, parts, clientId] of rows) t.equal(await outcome(node, await ofMachine(now, parts), clientId), "invalid_client", what);
  for (const text of [
    "",
    "x",
    "a.b.c",
    (await ofMachine(now)).replace(/\.[^.]*$/, "."),
    (await ofMachine(now)).split(".").slice(0, 2).join("."),
  ])
    t.equal(await outcome(node, text), "invalid_client", text);
  t.same(node.link.calls, []);
});

t.test("an assertion is good once, on every node, whoever is first", async (t) => {
  const {
    world: { now },
    nodes,
  } = await world(2);
  const [one, two] = nodes as [Node, Node];
  for (let round = 0; round < 20; round += 1) {
    const text = await ofMachine(now);
    const outcomes = await Promise.all([outcome(one, text), outcome(two, text), outcome(one, text)]);
    t.same(outcomes.sort(), ["invalid_client", "invalid_client", "machine"]);
    t.equal(await outcome(two, text), "invalid_client");
  }
  t.same(two.eventsOf("assertion_replayed").at(-1), { event: "assertion_replayed", iss: "machine" });
  const jti = "the same";
  t.equal(await outcome(one, await ofMachine(now, { claims: { jti } })), "machine");
  t.equal(
    await outcome(two, await ofMachine(now, { claims: { jti, iat: Math.floor(now / 1_000) - 1 } })),
    "invalid_client",
    "the jti counts",
  );
  t.equal(
    await outcome(two, await ofMachine(now, { claims: { jti }, header: { kid: undefined } }, "ed", edMachine)),
    "ed",
    "another's jti is another",
  );
});

t.test("it is remembered for as long as it is good by any clock that is let in", async (t) => {
  const { world: here, node } = await world();
  const text = await ofMachine(here.now, { claims: { exp: Math.floor(here.now / 1_000) + 300 } });
  t.equal(await outcome(node, text), "machine");
  await here.advance(309 * SECOND);
  t.equal(await outcome(node, text), "invalid_client");
  node.link.forgetCalls();
  await here.advance(2 * SECOND);
  node.link.forgetCalls();
  t.equal(await outcome(node, text), "invalid_client");
  t.same(node.link.calls, [], "its own exp says so now");
});

t.test("after an unknown outcome the store is read back: ours counts once, another's not at all", async (t) => {
  const {
    world: { now },
    nodes,
  } = await world(2);
  const [node, other] = nodes as [Node, Node];
  const failWrite = (kind: FaultKind): void => node.link.failNext("compareAndSet", KEYS.assertionPrefix, kind);

  const written = await ofMachine(now);
  failWrite("done");
  t.equal(await outcome(node, written), "machine", "it was written and nobody heard of it");
  t.equal(await outcome(other, written), "invalid_client");

  const lost = await ofMachine(now);
  failWrite("lost");
  await t.rejects(outcome(node, lost), StoreError, "not written as far as one can see: 503");

  const taken = await ofMachine(now);
  t.equal(await outcome(other, taken), "machine");
  failWrite("lost");
  t.equal(await outcome(node, taken), "invalid_client");

  const unavailable = await ofMachine(now);
  failWrite("unavailable");
  await t.rejects(outcome(node, unavailable), StoreError);
  t.equal(await outcome(node, unavailable), "machine", "nothing was written, so it may be sent again");
});

t.test("in a store that was emptied, nobody is let in because an assertion is not known", async (t) => {
  const { world: here, node } = await world();
  const text = await ofMachine(here.now);
  t.equal(await outcome(node, text), "machine");
  await here.empty();
  await t.rejects(outcome(node, text), UnavailableError);
});

t.test("keys elsewhere are fetched once; an unknown kid asks again no more than once in a while", async (t) => {
  const { world: here, node } = await world();
  const text = () => ofMachine(here.now, {}, "remote");
  await t.rejects(
    text().then((one) => outcome(node, one)),
    UnavailableError,
    "no keys were ever seen: 503, not a refusal",
  );
  t.match(node.eventsOf("trouble").at(-1), { about: "JWK Set of machine.example/jwks" });
  here.documents.set(JWKS_URI, JSON.stringify(machine.jwks));
  await here.advance(31 * SECOND);
  t.equal(await outcome(node, await text()), "remote");
  t.equal(here.fetched.length, 2);
  const second = newParty("ES256", "machine-2");
  here.documents.set(JWKS_URI, JSON.stringify({ keys: [...machine.jwks.keys, second.publicJwk] }));
  await here.advance(31 * SECOND);
  t.equal(await outcome(node, await ofMachine(here.now, {}, "remote", second)), "remote", "a rotated key is found by its kid");
  t.equal(here.fetched.length, 3);
  for (let time = 0; time < 200; time += 1)
    t.equal(await outcome(node, await ofMachine(here.now, { header: { kid: `k${time}` } }, "remote")), "invalid_client");
  t.ok(here.fetched.length <= 4, `${here.fetched.length} fetches`);
  here.documents.delete(JWKS_URI);
  await here.advance(2 * 60 * MINUTE);
  t.equal(await outcome(node, await text()), "remote", "its server being down costs nobody the keys that are known");
});

const bearer = async (
  node: Node,
  now: number,
  parts: AssertionParts = {},
  more: { clientId?: string; scope?: string; resource?: string; replaces?: string } = {},
) => {
  const { clientId = "app", ...rest } = more;
  const text = await assertion(idp, { iss: LOGIN, sub: "alice", aud: ISSUER, now }, parts);
  return node.issuer.assertSubject({ client: node.client(clientId), assertion: text, address: "192.0.2.1", userAgent: "curl/8", ...rest });
};
const session = async (...args: Parameters<typeof bearer>): Promise<SessionGrant> => granted(await bearer(...args));

t.test("a trusted issuer's assertion begins a session of its subject, without an account", async (t) => {
  const { world: here, node } = await world();
  const grant = await session(node, here.now);
  t.match(claimsOf(grant.accessToken), { sub: "team:alice", client_id: "app", aud: API, sid: grant.sid, scope: "read write" });
  t.match(node.eventsOf("login"), [
    { by: "assertion", outcome: "granted", sub: "team:alice", sid: grant.sid, clientId: "app", address: "192.0.2.1" },
  ]);
  const next = await node.refresh(grant.refreshToken);
  t.equal(next.sid, grant.sid);
  t.match(await node.issuer.listSessions({ sub: "team:alice", sid: grant.sid }), [{ sid: grant.sid, userAgent: "curl/8" }]);
  const narrow = await session(node, here.now, {}, { scope: "read", resource: REPORTS });
  t.match(claimsOf(narrow.accessToken), { aud: REPORTS, scope: "read" });
  t.match(await node.tryRefresh(narrow.refreshToken, { resource: API }), { refused: "invalid_target" }, "the session keeps what was named");
  const operator = await here.operator();
  t.equal(await operator.endSessions({ of: "subject", sub: "team:alice" }, undefined, () => undefined), 2);
  t.match(await node.tryRefresh(next.refreshToken), { refused: "invalid_grant" });
});

t.test("an assertion of nobody who is trusted for this client is refused, and nothing is stored", async (t) => {
  const {
    world: { now },
    node,
  } = await world();
  node.link.forgetCalls();
  const seconds = Math.floor(now / 1_000);
  const rows: [string, AssertionParts, Parameters<typeof bearer>[3]?][] = [
    ["another issuer", { claims: { iss: "https://evil.example" } }],
    ["the issuer itself", { claims: { iss: ISSUER } }],
    ["another's key", { signedBy: newParty("EdDSA", idp.kid) }],
    ["a client that is not listed", {}, { clientId: "other" }],
    ["a client assertion's type", { header: { typ: "client-authentication+jwt" } }],
    ["an empty sub", { claims: { sub: "" } }],
    ["a sub with control characters", { claims: { sub: "a\nb" } }],
    ["a sub without end", { claims: { sub: "a".repeat(251) } }],
    ["two audiences", { claims: { aud: [ISSUER, "https://other.example"] } }],
    ["expired", { claims: { exp: seconds - 11 } }],
    ["too long", { claims: { exp: seconds + 3_600 } }],
    ["no jti", { claims: { jti: undefined } }],
  ];
  for (const [what, parts, more] of rows) t.match(await bearer(node, now, parts, more), { refused: "invalid_grant" }, what);
  t.match(await bearer(node, now, {}, { scope: "admin" }), { refused: "invalid_scope" });
  t.match(await bearer(node, now, {}, { resource: "https://nowhere.example" }), { refused: "invalid_target" });
  t.same(node.link.calls, []);
  const unlisted = new World({
    policy: policy({ trustedIssuers: new Map([[LOGIN, { ...TRUSTED, subjectPrefix: "a" }]]) }, [
      ...CLIENTS,
      client("app", { grants: [JWT_BEARER] }),
    ]),
  });
  t.teardown(() => unlisted.close());
  const there = await unlisted.startedNode();
  t.match(
    await bearer(there, unlisted.now, { claims: { sub: "pp" } }),
    { refused: "invalid_grant" },
    "a sub that is a client's id (RFC 9068 §5)",
  );
});

t.test("a trusted issuer's assertion is good once; what was refused for another reason was not used", async (t) => {
  const {
    world: { now },
    node,
  } = await world();
  const jti = "once";
  t.match(await bearer(node, now, { claims: { jti } }, { scope: "admin" }), { refused: "invalid_scope" });
  t.ok(await session(node, now, { claims: { jti } }));
  t.match(await bearer(node, now, { claims: { jti } }), { refused: "invalid_grant" });
});

t.test("a new session over a live one of the same client ends the old one, whoever's it was", async (t) => {
  const {
    world: { now },
    node,
  } = await world();
  const old = await session(node, now);
  const next = await session(node, now, { claims: { sub: "bob" } }, { replaces: old.refreshToken });
  t.match(node.eventsOf("sessions_ended"), [{ reason: "replaced", sub: "team:alice", sids: [old.sid] }]);
  const refused = await node.tryRefresh(old.refreshToken);
  t.match(refused, { refused: "invalid_grant" });
  t.notOk("isSessionOver" in refused, "its browser has a newer cookie, which this answer must not take back");
  t.ok(await node.refresh(next.refreshToken));
  const again = await session(node, now, {}, { replaces: "no token of ours" });
  t.ok(again, "what the cookie holds may be anything");
  await session(node, now, { claims: { sub: "carol" } }, { replaces: old.refreshToken });
  t.equal(node.eventsOf("sessions_ended").length, 1, "what is over is not ended again");
});

t.test("an account can't have a sub that a trusted issuer could assert", async (t) => {
  const { world: here } = await world();
  const operator = await here.operator();
  const account = { password: "correct horse battery staple" };
  t.match(await operator.addAccount({ ...account, name: "mallory", sub: "team:alice" }), { failed: /subjectPrefix/ });
  const short = new World({
    policy: policy({
      trustedIssuers: new Map(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
          .split("")
          .map((letter) => [letter, { ...TRUSTED, issuer: letter, subjectPrefix: letter }]),
      ),
    }),
  });
  t.teardown(() => short.close());
  const added = await (await short.operator()).addAccount({ ...account, name: "bob" });
  t.match(added, { sub: /^[n-z0-9_-]/ }, "nor get one by chance");
});

t.test("doctor says which keys elsewhere can't be had or are of no use", async (t) => {
  const { world: here } = await world();
  const found = async () => (await (await here.operator()).inspect()).find(({ subject }) => subject === "keys of client remote");
  t.match(await found(), { severity: "warning", finding: "nothing is there", advice: /allowedNetworks/ });
  for (const [body, finding] of [
    ["<html>", /machine\.example can't be used: it is no JSON/],
    ["{}", /it has no list/],
    ['{"keys":[{"kty":"RSA"}]}', /no P-256 or Ed25519/],
  ] as const) {
    here.documents.set(JWKS_URI, body);
    t.match(await found(), { severity: "warning", finding });
  }
  here.documents.set(JWKS_URI, JSON.stringify(machine.jwks));
  t.match(await found(), { severity: "ok", finding: "1 of use" });
});

t.test("doctor says which configured keys are of no use", async (t) => {
  const [one, two] = [newParty("ES256", "same"), newParty("ES256", "same")];
  const machineWith = (...keys: object[]) =>
    client("machine", { type: "confidential", grants: ["client_credentials"], jwks: { jwks: { keys } } });
  const found = async (...keys: object[]) => {
    const there = new World({ policy: policy({}, [machineWith(...keys)]) });
    t.teardown(() => there.close());
    return (await (await there.operator()).inspect()).find(({ subject }) => subject === "keys of client machine");
  };
  t.match(await found(one.publicJwk), { severity: "ok", finding: "1 of 1 of use" });
  t.match(await found(one.publicJwk, two.publicJwk), { severity: "fault", finding: "0 of 2 of use", advice: /a kid of its own/ });
  t.match(await found(one.publicJwk, { ...two.publicJwk, kid: "other", use: "enc" }), { severity: "warning", finding: "1 of 2 of use" });
});

t.test(
  "a login over a live session does not count it against the cap, and tells what it began even if the old one can't be ended",
  async (t) => {
    const world2 = new World({
      policy: policy({ trustedIssuers: new Map([[LOGIN, TRUSTED]]), maxSessionsPerSubjectAndClient: 2 }, CLIENTS),
    });
    t.teardown(() => world2.close());
    const node = await world2.startedNode();
    const elsewhere = await session(node, world2.now);
    await world2.advance(SECOND);
    const old = await session(node, world2.now);
    await world2.advance(SECOND);
    const next = await session(node, world2.now, {}, { replaces: old.refreshToken });
    t.ok(await node.refresh(elsewhere.refreshToken), "the other device stays");
    t.match(node.eventsOf("sessions_ended"), [{ reason: "replaced", sids: [old.sid] }]);
    node.link.failNext("append", "ends", "unavailable");
    await t.rejects(session(node, world2.now, {}, { replaces: next.refreshToken }), StoreError);
    t.match(node.eventsOf("login").at(-1), { outcome: "granted" });
  },
);

t.test("what a browser keeps of a ring that is gone does not keep it from logging in or out", async (t) => {
  const { world: here, node } = await world();
  const { refreshToken } = await session(node, here.now);
  const bytes = Buffer.from(refreshToken.slice(4), "base64url");
  bytes[0] = 77;
  const foreign = `mmr_${bytes.toString("base64url")}`;
  await t.rejects(node.tryRefresh(foreign), UnavailableError, "a refresh is not refused for it");
  t.ok(await session(node, here.now, {}, { replaces: foreign }));
  t.equal(await node.issuer.sessionOfRefreshToken(node.client("app"), foreign), undefined);
});

t.test("an assertion from before the subject's sessions were ended begins none; one signed after it does", async (t) => {
  const { world: here, node } = await world();
  const before = Math.floor(here.now / SECOND);
  await session(node, here.now);
  await here.advance(2 * SECOND);
  await (await here.operator()).endSessions({ of: "subject", sub: "team:alice" }, undefined, () => undefined);
  const late = await bearer(node, here.now, { claims: { iat: before } });
  t.match(late, { refused: "invalid_grant", description: /ended after the assertion was signed/ });
  t.match(node.eventsOf("login").at(-1), { outcome: "refused", reason: /ended after/ });
  await here.advance(2 * SECOND);
  t.ok(await session(node, here.now));
  t.ok(await session(node, here.now, { claims: { sub: "bob", iat: before } }), "another subject's is none of it");
});

t.test("the operator is told why an assertion proves nothing; who sent it is not", async (t) => {
  const {
    world: { now },
    node,
  } = await world();
  const told: unknown[] = [];
  for (const [parts, more] of [
    [{ claims: { iss: "https://evil.example" } }, {}],
    [{}, { clientId: "other" }],
    [{ signedBy: newParty("EdDSA", idp.kid) }, {}],
  ] as const) {
    told.push(((await bearer(node, now, parts, more)) as { description?: string }).description);
  }
  t.equal(new Set(told).size, 1);
  t.match(
    node.eventsOf("login").map(({ reason }) => reason),
    [/no trusted issuer/, /not trusted for this client/, /no key of its issuer/],
  );
  t.equal(await outcome(node, await ofMachine(now, { signedBy: stranger })), "invalid_client");
  t.match(node.eventsOf("assertion_refused"), [{ clientId: "machine", reason: /no key/ }]);
});

t.test("doctor finds an account whose sub a trusted issuer could assert", async (t) => {
  const { world: here } = await world();
  const found = async () => (await (await here.operator()).inspect()).find(({ subject }) => subject === "subjects");
  await here.addUser("eve", { sub: "teammate" });
  t.equal(await found(), undefined);
  const before = new World({ policy: policy({}, CLIENTS) });
  t.teardown(() => before.close());
  await before.startedNode();
  await before.addUser("ada", { sub: "team:42" });
  t.same(
    (await (await before.operator()).inspect()).filter(({ subject }) => subject === "subjects"),
    [],
  );
  const trusting = await before.operator([], POLICY);
  t.match(
    (await trusting.inspect()).find(({ subject }) => subject === "subjects"),
    { severity: "fault", finding: /ada.*team:/ },
  );
});
