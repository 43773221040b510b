/** Finds secrets where none may be: in any text or bytes, in every spelling that one could get on its way. */

/** Of each spelling so much is enough to be found. */
const PREFIX = 16;

/** Needles are in Latin-1, like what they are looked for in: a character is a byte. */
export class Canaries {
  readonly #needles = new Map<string, string>();

  get count(): number {
    return new Set(this.#needles.values()).size;
  }

  /** `name` is what a hit is called: it says what kind of secret, not which text. */
  text(name: string, secret: string): void {
    if (secret.length < PREFIX) throw new TypeError(`${name} is too short to be looked for`);
    this.#bytes(name, Buffer.from(secret));
    for (const spelled of [
      encodeURIComponent(secret),
      new URLSearchParams([[secret, ""]]).toString().slice(0, -1),
      JSON.stringify(secret).slice(1, -1),
    ])
      this.#add(name, Buffer.from(spelled).toString("latin1"));
  }

  /** A key: base64url, as JWKs have it. */
  key(name: string, base64url: string): void {
    this.#bytes(name, Buffer.from(base64url, "base64url"));
  }

  /** Compact JWS: the header is the same for many, so it is the signature that tells; the claims as a whole. */
  jws(name: string, token: string): void {
    const [, payload = "", signature = ""] = token.split(".");
    if (signature.length >= PREFIX) this.key(`${name}'s signature`, signature);
    if (payload.length >= PREFIX) this.#needles.set(payload, `${name}'s claims`);
  }

  /** `mmr_…`: also what only it knows of its session, by itself. */
  refreshToken(token: string): void {
    this.text("refresh token", token);
    const bytes = Buffer.from(token.slice(4), "base64url");
    this.#bytes("session handle", bytes.subarray(17, 41));
    this.#bytes("MAC of a refresh token", bytes.subarray(45));
  }

  /** The tokens in an answer that has some. */
  tokensIn(text: string): void {
    for (const [token] of text.matchAll(/mmr_[\w-]{84}/g)) this.refreshToken(token);
    for (const [token] of text.matchAll(/eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g)) this.jws("access token", token);
  }

  /** Names of the secrets that are there. */
  hitsIn(found: string | Buffer): readonly string[] {
    const text = typeof found === "string" ? Buffer.from(found).toString("latin1") : found.toString("latin1");
    return [...new Set([...this.#needles].flatMap(([needle, name]) => (text.includes(needle) ? [name] : [])))];
  }

  #bytes(name: string, bytes: Buffer): void {
    this.#add(name, bytes.toString("latin1"));
    this.#add(`${name} in hexadecimal`, bytes.toString("hex"));
    this.#add(`${name} in hexadecimal`, bytes.toString("hex").toUpperCase());
    // Within something longer, such as the id and secret of a Basic header, it can begin at each of three places.
    for (const lead of [0, 1, 2]) {
      const padded = Buffer.concat([Buffer.alloc(lead), bytes]);
      const from = lead === 0 ? 0 : lead + 1;
      for (const encoding of ["base64", "base64url"] as const)
        this.#add(`${name} in base64`, padded.toString(encoding).slice(from, Math.floor((padded.length * 8) / 6)));
    }
  }

  #add(name: string, spelling: string): void {
    this.#needles.set(spelling.slice(0, PREFIX), name);
  }
}
