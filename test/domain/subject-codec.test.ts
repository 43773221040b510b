import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { FormatError } from "../../src/domain/bytes.ts";
import type { Session } from "../../src/domain/session.ts";
import { decodeSubject, encodeSubject } from "../../src/domain/subject-codec.ts";
import { END_REASONS, type EndMark, type SubjectDocument } from "../../src/domain/subject.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
const sid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("base64url"));
const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 });

const session: fc.Arbitrary<Session> = fc
  .record({
    sid,
    clientId: name,
    createdAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    lifetime: fc.nat(),
    generationAge: fc.nat(),
    generation: fc.integer({ min: 1, max: 0xffff_ffff }),
    macVersion: fc.nat(255),
    oldestBehind: fc.oneof(fc.nat(2), fc.nat(1_000)),
    gaps: fc.oneof(...[0, 34].map((maxLength) => fc.array(fc.record({ generations: fc.nat(40), millis: fc.nat(5_000) }), { maxLength }))),
    exchangeKey: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
    userAgent: text,
    resources: fc.array(fc.record({ id: text, scopes: fc.array(fc.stringMatching(/^[!#-[\]-~]{1,12}$/), { maxLength: 4 }) }), {
      maxLength: 4,
    }),
    claims: fc.option(fc.dictionary(text, fc.jsonValue(), { maxKeys: 3 }), { nil: undefined }),
  })
  .map(({ lifetime, generationAge, oldestBehind, gaps, exchangeKey, claims, ...rest }) => {
    const generationAt = rest.createdAt + generationAge;
    let point = { generation: rest.generation, at: generationAt };
    const checkpoints = gaps.map(
      ({ generations, millis }) =>
        (point = { generation: Math.max(0, point.generation - generations), at: Math.max(0, point.at - millis) }),
    );
    return {
      ...rest,
      absoluteEndAt: rest.createdAt + lifetime,
      generationAt,
      oldestInWindow: Math.max(0, rest.generation - oldestBehind),
      checkpoints: checkpoints.toReversed(),
      ...(exchangeKey === undefined ? {} : { exchangeKey }),
      ...(claims === undefined ? {} : { claims: JSON.stringify(claims) }),
    };
  });

const mark: fc.Arbitrary<EndMark> = fc.record({ sid, until: time, reason: fc.constantFrom(...END_REASONS) });
const document: fc.Arbitrary<SubjectDocument> = fc.record({
  sub: fc.oneof(text, sid),
  notBefore: fc.oneof(fc.constant(0), time),
  sessions: fc.array(session, { maxLength: 4 }),
  marks: fc.array(mark, { maxLength: 5 }),
});

/** Byte arrays of any class, and objects of any prototype, as plain values. */
function plain(value: SubjectDocument): unknown {
  return JSON.parse(
    JSON.stringify({
      ...value,
      sessions: value.sessions.map((one) => ({ ...one, exchangeKey: one.exchangeKey === undefined ? null : [...one.exchangeKey] })),
    }),
  );
}

t.test("any document is read as it was written", async (t) => {
  fc.assert(
    fc.property(document, (value) => {
      const read = decodeSubject(encodeSubject(value));
      return JSON.stringify(sorted(plain(read))) === JSON.stringify(sorted(plain(value)));
    }),
    { numRuns: runs(500) },
  );
  t.pass();
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}

t.test("the same document has the same bytes, another one others: a swap compares them", async () => {
  fc.assert(
    fc.property(document, document, (a, b) => {
      const equal = JSON.stringify(sorted(plain(a))) === JSON.stringify(sorted(plain(b)));
      return (
        Buffer.from(encodeSubject(a)).equals(encodeSubject(structuredClone(a))) &&
        Buffer.from(encodeSubject(a)).equals(encodeSubject(b)) === equal
      );
    }),
  );
});

t.test("every beginning of a document, and a document with more behind it, is a format error", async () => {
  fc.assert(
    fc.property(document, fc.uint8Array({ minLength: 1, maxLength: 3 }), (value, tail) => {
      const bytes = encodeSubject(value);
      for (let length = 0; length < bytes.length; length++) if (!isFormatError(bytes.subarray(0, length))) return false;
      return isFormatError(Buffer.concat([bytes, tail]));
    }),
    { numRuns: runs(60) },
  );
});

t.test("another first byte is another format", async (t) => {
  const bytes = encodeSubject({ sub: "someone", notBefore: 0, sessions: [], marks: [] });
  for (let first = 0; first < 256; first++)
    t.equal(isFormatError(Buffer.concat([Buffer.of(first), bytes.subarray(1)])), first !== bytes[0]);
});

t.test("the order of the reasons is part of the format", async (t) => {
  const first = [
    "logout",
    "revoked",
    "replayed",
    "ended_by_subject",
    "password_changed",
    "account_disabled",
    "account_removed",
    "replaced",
    "too_many",
    "operator",
  ];
  t.same(END_REASONS.slice(0, first.length), first);
});

t.test("a part that only a later version knows is a format error", async (t) => {
  t.notOk(isFormatError(Uint8Array.of(1, 0, 0, 0)));
  for (let bit = 3; bit < 8; bit++) t.ok(isFormatError(Uint8Array.of(1, 1 << bit, 0, 0)), `bit ${bit}`);
});

t.test("garbage is read or is a format error, never anything else, and never takes long", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
      try {
        decodeSubject(Buffer.concat([Buffer.of(1), garbage]));
      } catch (error) {
        return error instanceof FormatError;
      }
      return true;
    }),
    { numRuns: runs(2_000) },
  );
});

t.test("a number of sessions beyond all memory is a format error", async (t) => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  t.ok(isFormatError(Uint8Array.of(1, 0, 0, ...huge)));
  t.ok(isFormatError(Uint8Array.of(1, 4, 0, ...huge)), "nor of marks");
});

t.test("an end reason of a later version is a format error", async (t) => {
  const bytes = Buffer.from(
    encodeSubject({ sub: "", notBefore: 0, sessions: [], marks: [{ sid: EXAMPLE.sid, until: 0x55, reason: "operator" }] }),
  );
  const place = bytes.indexOf(0x55) + 1;
  t.equal(bytes[place], END_REASONS.indexOf("operator"));
  for (const [reason, isKnown] of [
    [END_REASONS.length - 1, true],
    [END_REASONS.length, false],
  ] as const) {
    bytes[place] = reason;
    t.equal(isFormatError(bytes), !isKnown);
  }
});

t.test("a sid that is not 16 bytes is the programmer's mistake", async (t) => {
  for (const sid of ["", "AAAA", "A".repeat(24), `${"A".repeat(21)}B`]) {
    const marks = [{ sid, until: 1, reason: "logout" as const }];
    t.throws(() => encodeSubject({ sub: "", notBefore: 0, sessions: [], marks }), TypeError);
  }
});

t.test("times of a clock that ran back are stored as close as the format can", async (t) => {
  const created = 1_790_000_000_000;
  const one: Session = { ...EXAMPLE, createdAt: created, generationAt: created - 5, checkpoints: [{ generation: 1, at: created + 9 }] };
  const read = decodeSubject(encodeSubject({ sub: "s", notBefore: 0, sessions: [one], marks: [] })).sessions[0];
  t.match(read, { createdAt: created, generationAt: created, checkpoints: [{ generation: 1, at: created }] });
});

const EXAMPLE: Session = {
  sid: "A".repeat(22),
  clientId: "app",
  createdAt: 1_790_000_000_000,
  absoluteEndAt: 1_790_000_000_000 + 180 * 86_400_000,
  generation: 5_000,
  generationAt: 1_790_000_000_000 + 170 * 86_400_000,
  macVersion: 6,
  oldestInWindow: 4_999,
  checkpoints: [],
  userAgent: "Chrome on Windows, spare",
  resources: [{ id: "https://api.example.com", scopes: ["read", "write"] }],
};

t.test("the design's example fits its memory: 160 bytes at most after years of refreshing", async (t) => {
  t.equal(EXAMPLE.userAgent.length, 24);
  t.equal(EXAMPLE.resources[0]?.id.length, 23);
  const size = (one: Session, sub: string): number => encodeSubject({ sub, notBefore: 0, sessions: [one], marks: [] }).length;
  const keyed = { ...EXAMPLE, exchangeKey: Buffer.alloc(16), checkpoints: [{ generation: 4_999, at: EXAMPLE.generationAt - 600_000 }] };
  // A sub that we made ourselves, and one of somebody else's.
  for (const sub of ["A".repeat(22), "someone.at.example.com"]) {
    t.equal(sub.length, 22);
    t.comment(`${size(EXAMPLE, sub)} bytes, ${size(keyed, sub)} with an exchange key and a checkpoint`);
    t.ok(size(EXAMPLE, sub) <= 160);
    t.ok(size(keyed, sub) <= 160);
  }
});

function isFormatError(bytes: Uint8Array): boolean {
  try {
    decodeSubject(bytes);
    return false;
  } catch (error) {
    return error instanceof FormatError;
  }
}
