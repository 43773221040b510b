import t from "tap";
import { checkPassword, checkUsername, normalizePassword, normalizeUsername } from "../../src/domain/password-policy.ts";

const composed = "caf\u00e9";
const decomposed = "cafe\u0301";

t.test("a password is one password however its accents were typed", async (t) => {
  t.equal(normalizePassword(decomposed), normalizePassword(composed));
  t.equal(normalizeUsername(decomposed), composed);
});

t.test("the length of a password counts code points of the composed form", async (t) => {
  t.equal(checkPassword("a".repeat(15), 15), undefined);
  t.match(checkPassword("a".repeat(14), 15), /at least 15 characters/);
  t.equal(checkPassword("🔑".repeat(15), 15), undefined);
  t.match(checkPassword("🔑".repeat(14), 15), /too short/);
  t.match(checkPassword(decomposed, 5), /too short/, "five code points typed, four characters");
});

t.test("blanks, long passwords and any script are allowed; there are no rules of composition", async (t) => {
  for (const password of ["correct horse battery", "a".repeat(64), "пароль из нескольких слов", "a".repeat(1024)])
    t.equal(checkPassword(password, 15), undefined);
});

t.test("control characters, lone surrogates and more than 1024 bytes are refused", async (t) => {
  t.match(checkPassword("p\u0000".repeat(20), 15), /control/);
  t.match(checkPassword(`${"a".repeat(20)}\ud800`, 15), /Unicode/);
  t.match(checkPassword("a".repeat(1025), 15), /1024 bytes/);
  t.match(checkPassword("é".repeat(513), 15), /1024 bytes/);
});

t.test("a user name has 1 to 256 characters without control characters", async (t) => {
  for (const name of ["a", "alice@example.com", "🔑".repeat(256), "a b"]) t.equal(checkUsername(name), undefined);
  for (const name of ["", "a".repeat(257), "a\r\nb", "\u001b[31m", "\u0085", "\ud800"]) t.type(checkUsername(name), "string");
});
