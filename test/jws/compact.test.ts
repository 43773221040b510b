import t from "tap";
import { MAX_COMPACT_JWS_LENGTH, parseCompactJws } from "../../src/jws/compact.ts";
import { RFC7515_A3, RFC8037 } from "./vectors.ts";

const part = (text: string) => Buffer.from(text).toString("base64url");
const SIGNATURE = "A".repeat(86);
const PAYLOAD = part('{"a":1}');
const withHeader = (header: string) => `${part(header)}.${PAYLOAD}.${SIGNATURE}`;

function reasonOf(token: string): string {
  const result = parseCompactJws(token);
  return result.ok ? "ok" : result.reason;
}

t.test("the examples of RFC 7515 and RFC 8037 are read as printed", async (t) => {
  const es256 = parseCompactJws(RFC7515_A3.jws);
  t.ok(es256.ok);
  if (es256.ok) {
    t.same(es256.header, { alg: "ES256" });
    t.equal(Buffer.from(es256.payload).toString(), '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}');
    t.equal(es256.signingInput, RFC7515_A3.jws.slice(0, RFC7515_A3.jws.lastIndexOf(".")));
    t.equal(es256.signature.length, 64);
  }
  const eddsa = parseCompactJws(RFC8037.jws);
  t.ok(eddsa.ok);
  if (eddsa.ok) t.equal(Buffer.from(eddsa.payload).toString(), "Example of Ed25519 signing");
});

t.test("a token has three parts, no more and no fewer", async (t) => {
  const good = withHeader('{"alg":"ES256"}');
  t.equal(reasonOf(good), "ok");
  for (const token of ["", ".", "a", "a.b", `${good}.`, `${good}.${SIGNATURE}`, "a.b.c.d.e", ".".repeat(8000), `.${good}`]) {
    t.equal(reasonOf(token), "not_three_parts", JSON.stringify(token.slice(0, 20)));
  }
});

t.test("a token over the cap is refused before it is looked at", async (t) => {
  const signed = (length: number) => `${part('{"alg":"ES256"}')}.${"A".repeat(length)}.${SIGNATURE}`;
  const overhead = signed(0).length;
  t.equal(reasonOf(signed(MAX_COMPACT_JWS_LENGTH - overhead)), "ok");
  t.equal(reasonOf(signed(MAX_COMPACT_JWS_LENGTH - overhead + 4)), "too_long");
  t.equal(reasonOf("x".repeat(50_000_000)), "too_long");
});

t.test("only canonical base64url is read", async (t) => {
  const good = withHeader('{"alg":"ES256"}');
  const [header, payload, signature] = good.split(".") as [string, string, string];
  const spellings = [
    ` ${good}`,
    `${good} `,
    `${good}\n`,
    `\t${good}`,
    `\u00a0${good}`,
    `\ufeff${good}`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}=.${signature}`,
    `${header}.${payload}.${signature}==`,
    `${header}.${payload}.+${signature.slice(1)}`,
    `${header}.${payload}./${signature.slice(1)}`,
    `${header}.${payload}.${signature.slice(0, -2)}\r\n`,
    // 86 characters end in 2 whose last four bits are spare; B sets one of them.
    `${header}.${payload}.${signature.slice(0, -1)}B`,
    `${header}.${payload}.${signature.slice(0, 85)}`,
    `${header}.${payload}.${signature.slice(0, -1)}é`,
    `${header}.${payload}.${signature.slice(0, -1)}\0`,
  ];
  for (const token of spellings) t.equal(reasonOf(token), "not_base64url", JSON.stringify(token.slice(-12)));
});

t.test("an empty signature is refused, whatever the header says", async (t) => {
  t.equal(reasonOf(`${part('{"alg":"none"}')}.${PAYLOAD}.`), "no_signature");
  t.equal(reasonOf(`${part('{"alg":"ES256"}')}.${PAYLOAD}.`), "no_signature");
});

t.test("a header is one JSON object in UTF-8 that can be read in one way only", async (t) => {
  const headers = [
    "",
    "null",
    "[]",
    '"ES256"',
    "{}x",
    '{"alg":"ES256",}',
    '{"alg":"ES256","alg":"none"}',
    '{"alg":"none","\\u0061lg":"ES256"}',
    '{"alg":"ES256","__proto__":{"kid":"x"}}',
    '\ufeff{"alg":"ES256"}',
    "{'alg':'ES256'}",
  ];
  for (const header of headers) t.equal(reasonOf(withHeader(header)), "header_not_json", header);

  const notUtf8 = Buffer.concat([Buffer.from('{"alg":"ES256","kid":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  t.equal(reasonOf(`${notUtf8.toString("base64url")}.${PAYLOAD}.${SIGNATURE}`), "header_not_json");
  const utf16 = Buffer.from('{"alg":"ES256"}', "utf16le");
  t.equal(reasonOf(`${utf16.toString("base64url")}.${PAYLOAD}.${SIGNATURE}`), "header_not_json");
});

t.test("alg is a text, and kid and typ are where they are there", async (t) => {
  const headers = [
    "{}",
    '{"alg":null}',
    '{"alg":["ES256"]}',
    '{"alg":""}',
    '{"ALG":"ES256"}',
    '{"alg":"ES256","kid":1}',
    '{"alg":"ES256","kid":null}',
    '{"alg":"ES256","kid":["a"]}',
    '{"alg":"ES256","kid":{"$ne":""}}',
    '{"alg":"ES256","kid":""}',
    '{"alg":"ES256","typ":7}',
  ];
  for (const header of headers) t.equal(reasonOf(withHeader(header)), "header_member", header);
});

t.test("extensions that must be understood are refused, since none is (RFC 7515 §4.1.11, RFC 7797)", async (t) => {
  const headers = [
    '{"alg":"ES256","crit":["exp"],"exp":1}',
    '{"alg":"ES256","crit":["b64"],"b64":false}',
    '{"alg":"ES256","crit":[]}',
    '{"alg":"ES256","crit":null}',
    '{"alg":"ES256","b64":false}',
    '{"alg":"ES256","b64":true}',
  ];
  for (const header of headers) t.equal(reasonOf(withHeader(header)), "critical_header", header);
});
