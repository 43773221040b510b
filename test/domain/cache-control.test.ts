import t from "tap";
import { maxAgeOf } from "../../src/domain/cache-control.ts";

t.test("max-age is read among other directives, in either form (RFC 9111 §5.2)", async (t) => {
  for (const field of ["max-age=600", "public, max-age=600", "MAX-AGE=600,must-revalidate", 'max-age="600"', "s-maxage=1, max-age=600"]) {
    t.equal(maxAgeOf(field, undefined), 600, field);
  }
});

t.test("what says nothing about age gives nothing", async (t) => {
  for (const field of [undefined, "", "public", "s-maxage=5", "x-max-age=5", "max-age-of=5"])
    t.equal(maxAgeOf(field, undefined), undefined);
});

t.test("what may not be kept, or says nonsense, is stale at once (RFC 9111 §4.2.1)", async (t) => {
  const fields = [
    "no-store",
    "max-age=600, no-store",
    "no-cache",
    "max-age",
    "max-age=",
    "max-age=-1",
    "max-age=1.5",
    "max-age=0x10",
    "max-age=1e3",
  ];
  for (const field of fields) t.equal(maxAgeOf(field, undefined), 0, field);
});

t.test("of several max-age the shortest counts", async (t) => {
  t.equal(maxAgeOf("max-age=600, max-age=60", undefined), 60);
  t.equal(maxAgeOf("max-age=600, max-age=x", undefined), 0);
});

t.test("time spent in a cache on the way is over (RFC 9111 §4.2.3)", async (t) => {
  t.equal(maxAgeOf("max-age=600", "100"), 500);
  t.equal(maxAgeOf("max-age=600", "601"), 0);
  for (const age of ["", "-5", "x", "1.5"]) t.equal(maxAgeOf("max-age=600", age), 600, age);
  t.equal(maxAgeOf(undefined, "100"), undefined);
});
