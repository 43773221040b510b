import t from "tap";
import fc from "../support/fast-check.ts";
import { isRefusal } from "../../src/domain/refusal.ts";
import { type Form, parameter, parseForm } from "../../src/http/form.ts";

function parsed(body: string | Buffer): Form {
  const form = parseForm(Buffer.from(body as string));
  if (isRefusal(form)) throw new Error(form.description);
  return form;
}

t.test("what URLSearchParams writes is read back", async () => {
  const text = fc.string({ unit: "grapheme" }).filter((one) => one.isWellFormed() && !/\p{Cc}/u.test(one));
  const pairs = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 20 });
  fc.assert(
    fc.property(pairs, (list) => {
      const kept = list.filter(([name]) => name !== "__proto__");
      const body = new URLSearchParams(kept).toString();
      const expected = kept.length === 1 && body === "=" ? [["", ""]] : kept;
      return JSON.stringify([...parsed(body)]) === JSON.stringify(expected);
    }),
  );
});

t.test("plus is a space, empty segments count for nothing, and an empty value is absent", async (t) => {
  const form = parsed("&a=b+c%2B&&d=&e&f=g=h&");
  t.same(
    [...form],
    [
      ["a", "b c+"],
      ["d", ""],
      ["e", ""],
      ["f", "g=h"],
    ],
  );
  t.equal(parameter(form, "d"), undefined);
  t.equal(parameter(form, "e"), undefined);
  t.equal(parameter(form, "toString"), undefined);
  t.equal(parameter(form, "a"), "b c+");
});

t.test("what could be read in two ways is refused", async (t) => {
  const bodies: Record<string, string | Buffer> = {
    "repeated parameter": "a=1&a=2",
    "repeated with the same value": "a=1&a=1",
    "repeated, once empty": "a=&a=1",
    "repeated under an encoded name": "a=1&%61=2",
    "half a percent-encoding": "a=%4",
    "percent alone": "a=100%",
    "percent with no hexadecimal digits": "a=%zz",
    "percent-encoded bytes that are not UTF-8": "a=%ff%fe",
    "overlong UTF-8": "a=%c0%80",
    "an encoded surrogate": "a=%ed%a0%80",
    "raw bytes that are not UTF-8": Buffer.from("613dfffe", "hex"),
    "an encoded NUL": "a=b%00",
    "a raw NUL": "a=b\0",
    "a line break": "a=b%0d%0ac",
    "a raw line break": "a=b\r\n",
    "a control character in a name": "a%00=b",
    __proto__: "__proto__=x",
    "65 parameters": Array.from({ length: 65 }, (_, index) => `p${index}=1`).join("&"),
  };
  for (const [what, body] of Object.entries(bodies)) {
    const form = parseForm(Buffer.from(body as string));
    t.ok(isRefusal(form) && form.refused === "invalid_request", what);
  }
  t.equal(parsed(Array.from({ length: 64 }, (_, index) => `p${index}=1`).join("&")).size, 64);
});
