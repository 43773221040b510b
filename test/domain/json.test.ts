import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { parseStrictJson } from "../../src/domain/json.ts";

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

t.test("every JSON value is read as JSON.parse reads it", async (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      fc.pre(!text.includes("__proto__"));
      const result = parseStrictJson(text);
      return result.ok && JSON.stringify(result.value) === JSON.stringify(value);
    }),
    { numRuns: runs(300) },
  );
  t.pass("300 values");
});

t.test("broken JSON is refused exactly where JSON.parse refuses it", async (t) => {
  const bases = ['{"a":[1,-0.5e+3,true,false,null,"\\u0041\\n"],"b":{"c":""}}', '[[],{},"x",0]', "-12.0E-2", '"\\"\\\\"'];
  const chars = fc.constantFrom(...'{}[]:,"\\ \t\n\v0123456789.-+eEtrufalsn/*\u0001é'.split(""));
  fc.assert(
    fc.property(
      fc.constantFrom(...bases),
      fc.array(fc.tuple(fc.nat(60), fc.nat(2), chars), { minLength: 1, maxLength: 3 }),
      (base, edits) => {
        const text = edits.reduce((old, [at, removed, added]) => old.slice(0, at) + added + old.slice(at + removed), base);
        // The bases have two names each, which no edit of ours makes equal without making them wrong, but "a" may become "b".
        const result = parseStrictJson(text);
        return result.ok === parses(text) || (!result.ok && result.message.includes("twice"));
      },
    ),
    { numRuns: runs(3_000) },
  );
  t.pass("3,000 edits");
});

t.test("what can be read in two ways is refused", async (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["a duplicate member", '{"a":1,"a":1}', /appears twice in one object \(line 1, column 8\)/],
    ["a duplicate member in different spelling", '{"a":1,"\\u0061":2}', /twice/],
    ["a duplicate member deep inside", '[{"x":{"a":1,"b":[{"a":1}],"a":3}}]', /twice/],
    ["an empty name twice", '{"":1,"":2}', /twice/],
    ["__proto__", '{"__proto__":{}}', /__proto__/],
    ["__proto__ with an escape", '{"\\u005f_proto__":{}}', /__proto__/],
    ["a byte order mark", '\ufeff{"a":1}', /byte order mark/],
    ["a lone surrogate", '"\\ud800"', /surrogate/],
    ["a lone surrogate, not escaped", '"\ud800"', /surrogate/],
    ["a comma before a closing brace", '{"a":1,}', /line 1, column 8/],
    ["a comma before a closing bracket", "[1,\n2,\n]", /line 3, column 1/],
    ["a comment", '{\n  // no\n  "a": 1\n}', /line 2, column 3/],
    ["a second value", "{} {}", /nothing may follow/],
    ["nothing", "", /ends too early/],
    ["a half", '{"a":', /ends too early/],
    ["a string without end", '{"a":"xyz', /no end/],
    ["a trailing backslash", '"\\', /no end/],
    ["single quotes", "{'a':1}", /double quotes/],
  ];
  for (const [name, text, message] of cases) {
    const result = parseStrictJson(text);
    t.match(result, { ok: false, message }, name);
  }
});

t.test("the same name in different objects is no duplicate", async (t) => {
  t.same(parseStrictJson('[{"a":{"a":1}},{"a":["a","a"]}]'), { ok: true, value: [{ a: { a: 1 } }, { a: ["a", "a"] }] });
  t.same(parseStrictJson('{"constructor":1,"toString":2,"hasOwnProperty":3}'), {
    ok: true,
    value: { constructor: 1, toString: 2, hasOwnProperty: 3 },
  });
});

t.test("64 levels are read, one more is refused, a million don't overflow the stack", async (t) => {
  const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  t.match(parseStrictJson(nested(64)), { ok: true });
  t.match(parseStrictJson(nested(65)), { ok: false, message: /deeper than 64/ });
  t.match(parseStrictJson("[".repeat(1_000_000)), { ok: false, message: /deeper than 64/ });
  t.match(parseStrictJson('{"a":'.repeat(1_000_000)), { ok: false, message: /deeper than 64/ });
});

t.test("long strings and long lists are read", async (t) => {
  t.match(parseStrictJson(JSON.stringify('\\"é'.repeat(200_000))), { ok: true });
  t.match(parseStrictJson(`[${"1,".repeat(100_000)}1]`), { ok: true });
});

t.test("no message repeats the text", async (t) => {
  const secret = "correct-horse";
  for (const text of [
    `{"password":"${secret}"`,
    `{"${secret}":1,"${secret}":2}`,
    secret,
    `{"a":"${secret}\n"}`,
    `"${secret}`,
    `["${secret}\\x"]`,
  ]) {
    const result = parseStrictJson(text);
    t.notOk(result.ok);
    if (!result.ok) t.notMatch(result.message, secret);
  }
});
