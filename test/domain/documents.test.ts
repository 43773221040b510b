import t from "tap";
import { FormatError } from "../../src/domain/bytes.ts";
import {
  accountDocument,
  endEntryDocument,
  KEYS,
  markerDocument,
  NEVER,
  notBeforeDocument,
  ringDocument,
  throttleDocument,
  verifiersDocument,
} from "../../src/domain/documents.ts";

const NOW = 1_790_000_000_000;

t.test("each document is read as it was written, its first byte is the format", async (t) => {
  const marker = { createdAt: NOW, aliveAt: NOW + 5 };
  t.same(markerDocument.decode(markerDocument.encode(marker)), marker);
  t.equal(markerDocument.encode(marker)[0], 1);
  const account = { name: "käthe", sub: "s", passwordHash: "$argon2id$", disabled: false, claims: { roles: ["é", "😀"] }, createdAt: NOW };
  t.same(accountDocument.decode(accountDocument.encode(account)), account);
  const ring = {
    version: 3,
    keys: [{ kid: "k", algorithm: "HS256" as const, macVersion: 0, custody: "file:k", publishedAt: NOW, longestLifetimeMillis: 5 }],
  };
  t.same(ringDocument.decode(ringDocument.encode(ring)), ring);
  const notBefore = { all: NOW, clients: { app: NOW } };
  t.same(notBeforeDocument.decode(notBeforeDocument.encode(notBefore)), notBefore);
  const end = { at: NOW, until: NOW + 1, reason: "key_revoked" as const, kid: "k" };
  t.same(endEntryDocument.decode(endEntryDocument.encode(end)), end);
  t.same(throttleDocument.decode(throttleDocument.encode({ a: [NOW, 3] })), { a: [NOW, 3] });
});

t.test("a table of verifiers is read as it was written, and one whose entries can't be reckoned with is a format error", async (t) => {
  const verifier = { address: "192.0.2.1", userAgent: "", version: 4, firstSeenAt: NOW, lastFetchedAt: NOW, count: 2, unchanged: 1 };
  const table = { verifiers: [verifier, { ...verifier, userAgent: "jose/6" }] };
  t.same(verifiersDocument.decode(verifiersDocument.encode(table)), table);
  const encoded = (verifiers: unknown): Uint8Array => Uint8Array.from([1, ...Buffer.from(JSON.stringify({ verifiers }))]);
  t.same(verifiersDocument.decode(encoded([])), { verifiers: [] });
  for (const wrong of [{ address: "" }, { address: 1 }, { userAgent: null }, { version: "4" }, { lastFetchedAt: null }, { count: {} }])
    t.throws(() => verifiersDocument.decode(encoded([{ ...verifier, ...wrong }])), FormatError, JSON.stringify(wrong));
  for (const wrong of [undefined, {}, [null], ["a"]]) t.throws(() => verifiersDocument.decode(encoded(wrong)), FormatError);
});

t.test("an entry of the ends log that can't be carried out is a format error", async (t) => {
  const end = { at: NOW, until: NOW, reason: "revoked", subjectKey: "AA", sids: ["s"] };
  const encoded = (members: object): Uint8Array => Uint8Array.from([1, ...Buffer.from(JSON.stringify({ ...end, ...members }))]);
  t.same(endEntryDocument.decode(encoded({})), end);
  for (const wrong of [{ at: "1" }, { until: null }, { reason: "bored" }, { reason: 5 }, { sub: 5 }, { subjectKey: {} }, { sids: "s" }])
    t.throws(() => endEntryDocument.decode(encoded(wrong)), FormatError, JSON.stringify(wrong));
  for (const wrong of [{ sids: [1] }, { notBefore: "1" }, { clientId: [] }, { kid: 1 }])
    t.throws(() => endEntryDocument.decode(encoded(wrong)), FormatError, JSON.stringify(wrong));
});

t.test("a member without a value leaves no trace, so equal documents have equal bytes", async (t) => {
  const key = { kid: "k", algorithm: "HS256" as const, custody: "c", publishedAt: 1, longestLifetimeMillis: 5 };
  t.same(ringDocument.encode({ version: 1, keys: [key] }), ringDocument.encode(structuredClone({ version: 1, keys: [key] })));
});

t.test("another format, or what is no document, is a format error that shows nothing of it", async (t) => {
  const cases = [
    [],
    [0],
    [2, 0x7b, 0x7d],
    [1],
    [1, 0x7b],
    [1, 0xff, 0xfe],
    [1, 0xef, 0xbb, 0xbf, 0x7b, 0x7d],
    [0x7b, 0x7d],
    [1, ...Buffer.from('{"canary')],
  ];
  for (const codec of [ringDocument, accountDocument, markerDocument, notBeforeDocument, endEntryDocument, throttleDocument]) {
    for (const bytes of cases) {
      try {
        codec.decode(Uint8Array.from(bytes));
        t.fail(`read: ${bytes.join()}`);
      } catch (error) {
        t.ok(error instanceof FormatError);
        t.notMatch(String(error), /canary/);
      }
    }
  }
});

t.test("no kind of document can be taken for another by its key", async (t) => {
  const prefixes = [KEYS.subjectPrefix, KEYS.accountPrefix, KEYS.throttlePrefix];
  t.equal(new Set(prefixes).size, prefixes.length);
  for (const name of [KEYS.marker, KEYS.ring, KEYS.policy])
    t.notOk(
      prefixes.some((prefix) => name.startsWith(prefix)),
      name,
    );
});

t.test("what is kept for ever is a date that every store takes", async (t) => {
  t.equal(new Date(NEVER).toISOString().slice(0, 10), "9999-12-31");
});
