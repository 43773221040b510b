import t from "tap";
import { systemClock } from "../../src/platform/clock.ts";
import { systemDigests } from "../../src/platform/digests.ts";
import { createRandom, systemRandom } from "../../src/platform/random.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const ascii = (text: string) => new TextEncoder().encode(text);

t.test("the clock gives milliseconds since 1970", async (t) => {
  const now = systemClock();
  t.ok(Number.isInteger(now));
  t.ok(now > Date.UTC(2025, 0, 1) && now < Date.UTC(2200, 0, 1));
});

t.test("SHA-256 is the one of FIPS 180-4", async (t) => {
  t.equal(hex(systemDigests.sha256(ascii("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  t.equal(hex(systemDigests.sha256(new Uint8Array())), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

t.test("HMAC-SHA-256 is the one of RFC 4231", async (t) => {
  const first = systemDigests.hmacSha256(new Uint8Array(20).fill(0x0b), ascii("Hi There"));
  t.equal(hex(first), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const second = systemDigests.hmacSha256(ascii("Jefe"), ascii("what do ya want for nothing?"));
  t.equal(hex(second), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

t.test("bytes are equal in content and length only", async (t) => {
  const { equal } = systemDigests;
  t.equal(equal(ascii("abc"), ascii("abc")), true);
  t.equal(equal(ascii("abc"), ascii("abd")), false);
  t.equal(equal(ascii("abc"), ascii("ab")), false);
  t.equal(equal(new Uint8Array(), new Uint8Array()), true);
});

t.test("random bytes never come twice, in any sizes", async (t) => {
  const seen = new Set<string>();
  const sizes = Array.from({ length: 300 }, () => [16, 24, 32, 63, 64, 65, 4096]).flat();
  const wishes = sizes.map((size) => systemRandom(size));
  t.same(
    wishes.map((bytes) => bytes.length),
    sizes,
  );
  for (const bytes of wishes) seen.add(hex(bytes.subarray(0, 16)));
  t.equal(seen.size, sizes.length);
});

t.test("what was handed out is nobody else's memory, and the pool is used up to its end and filled again", async (t) => {
  let fills = 0;
  const random = createRandom((pool) => {
    fills += 1;
    pool.fill(fills);
  });
  const first = random(64);
  t.same([...new Set(first)], [1]);
  t.equal(first.buffer.byteLength, 64);
  for (let i = 0; i < 63; i += 1) t.same([...new Set(random(64))], [1]);
  t.equal(fills, 1);
  t.same([...random(1)], [2]);
  t.same([...new Set(first)], [1], "an earlier wish is not overwritten");
  const [one, other] = [random(32), random(32)];
  one.fill(9);
  t.same([...new Set(other)], [2], "nor by whoever has another");
});

t.test("a count that is none is the programmer's error", async (t) => {
  for (const count of [0, -1, 1.5, Number.NaN, Infinity]) t.throws(() => systemRandom(count), TypeError);
});
