/** Depth of arrays and objects that is still read. */
export const JSON_DEPTH_LIMIT = 64;

export type StrictJsonResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/**
 * Reads JSON (RFC 8259) of which nothing can be read in two ways (RFC 7493 §2.1, §2.3): refuses duplicate members, lone
 * surrogates, a byte order mark, members named `__proto__` and more than 64 levels. The message says what is wrong and
 * where (line and column) and never repeats the text.
 */
export function parseStrictJson(text: string): StrictJsonResult {
  const fault = new Scan(text).run();
  if (fault !== undefined) return { ok: false, message: fault };
  try {
    // The scan only refuses; what is accepted is what the engine's parser accepts too.
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, message: "is not JSON" };
  }
}

type Expecting = "value" | "firstItem" | "name" | "firstName" | "colon" | "next" | "end";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
const BLANKS = /[ \t\n\r]*/y;

/** One pass with a stack of its own, so that no input overflows the call stack. */
class Scan {
  private readonly text: string;
  private at = 0;
  /** The names seen in each open object; undefined for an array. */
  private readonly open: (Set<string> | undefined)[] = [];
  private expecting: Expecting = "value";

  constructor(text: string) {
    this.text = text;
  }

  run(): string | undefined {
    if (this.text.charCodeAt(0) === 0xfeff) return "starts with a byte order mark";
    for (;;) {
      this.match(BLANKS);
      if (this.at === this.text.length) return this.expecting === "end" ? undefined : this.wrong("ends too early");
      const fault = this.step(this.text.charAt(this.at));
      if (fault !== undefined) return fault;
    }
  }

  private step(char: string): string | undefined {
    switch (this.expecting) {
      case "firstItem":
        return char === "]" ? this.close() : this.value(char);
      case "value":
        return this.value(char);
      case "firstName":
        return char === "}" ? this.close() : this.name(char);
      case "name":
        return this.name(char);
      case "colon":
        return char === ":" ? this.take("value") : this.wrong('expected ":" after a member name');
      case "next":
        return this.next(char);
      case "end":
        return this.wrong("nothing may follow the value");
    }
  }

  private next(char: string): string | undefined {
    const inObject = this.open.at(-1) !== undefined;
    if (char === ",") return this.take(inObject ? "name" : "value");
    if (char === (inObject ? "}" : "]")) return this.close();
    return this.wrong(inObject ? 'expected "," or "}"' : 'expected "," or "]"');
  }

  private value(char: string): string | undefined {
    if (char === "{" || char === "[") return this.enter(char);
    if (char === '"') {
      const string = this.string();
      if (typeof string !== "string") return string.fault;
    } else if (!this.match(NUMBER) && !this.match(LITERAL)) {
      return this.wrong("expected a value (no comment, no comma before a closing bracket)");
    }
    this.expecting = this.open.length === 0 ? "end" : "next";
    return undefined;
  }

  private name(char: string): string | undefined {
    if (char !== '"') return this.wrong("expected a member name in double quotes (no comment, no comma before a closing brace)");
    const start = this.at;
    const name = this.string();
    if (typeof name !== "string") return name.fault;
    if (name === "__proto__") return this.wrong("the member name __proto__ is not allowed", start);
    const names = this.open.at(-1);
    if (names?.has(name)) return this.wrong("the member name appears twice in one object", start);
    names?.add(name);
    this.expecting = "colon";
    return undefined;
  }

  /** Moves behind the string that starts here. */
  private string(): string | { readonly fault: string } {
    const start = this.at;
    let escaped = false;
    for (let at = start + 1; at < this.text.length; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code === 0x22) {
        this.at = at + 1;
        return this.decode(start, escaped);
      }
      if (code < 0x20) return { fault: this.wrong("control character in a string", at) };
      if (code !== 0x5c) continue;
      escaped = true;
      at += 1;
    }
    return { fault: this.wrong("the string has no end", start) };
  }

  private decode(start: number, escaped: boolean): string | { readonly fault: string } {
    const raw = this.text.slice(start, this.at);
    const string = escaped ? unescape(raw) : raw.slice(1, -1);
    if (string === undefined) return { fault: this.wrong("wrong escape in a string", start) };
    return string.isWellFormed() ? string : { fault: this.wrong("lone surrogate in a string", start) };
  }

  private enter(char: "{" | "["): string | undefined {
    if (this.open.length === JSON_DEPTH_LIMIT) return this.wrong(`nested deeper than ${JSON_DEPTH_LIMIT} levels`);
    this.open.push(char === "{" ? new Set() : undefined);
    return this.take(char === "{" ? "firstName" : "firstItem");
  }

  private close(): undefined {
    this.open.pop();
    return this.take(this.open.length === 0 ? "end" : "next");
  }

  private take(expecting: Expecting): undefined {
    this.at += 1;
    this.expecting = expecting;
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private wrong(what: string, at = this.at): string {
    const before = this.text.slice(0, at);
    const line = before.split("\n").length;
    const column = at - before.lastIndexOf("\n");
    return `${what} (line ${line}, column ${column})`;
  }
}

function unescape(raw: string): string | undefined {
  try {
    return JSON.parse(raw) as string;
  } catch {
    return undefined;
  }
}
