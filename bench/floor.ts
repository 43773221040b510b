/**
 * The floor: a server that does the same refresh and nothing else. A form comes in, its token's MAC is checked, one atomic
 * step in Redis decides and rotates, one ES256 signature is made, JSON goes out. What mintmark costs is measured against this.
 *
 * `FLOOR_REDIS=redis://… FLOOR_SESSIONS=16 node bench/floor.ts` prints the refresh token of each session,
 * a line each, and then { "port": … }.
 */

import { createHmac, createSecretKey, generateKeyPairSync, hash, randomBytes, randomFillSync, sign, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Redis } from "ioredis";

const CLIENT_ID = "app";
const RESOURCE = "https://api.example.com";
const LIFETIME_SECONDS = 600;
const RETRY_WINDOW_MILLIS = 40_000;
const IDLE_MILLIS = 30 * 86_400_000;
const ABSOLUTE_MILLIS = 180 * 86_400_000;
const BODY_BYTES_MAX = 16_384;
const FORM = "application/x-www-form-urlencoded";

const script = readFileSync(new URL("./rotate.lua", import.meta.url), "utf8");
const sha = hash("sha1", script, "hex");
// Without autopipelining, which costs more CPU here (measured: 115 µs per refresh against 110).
const redis = new Redis(process.env["FLOOR_REDIS"] ?? "redis://127.0.0.1:6379", { maxRetriesPerRequest: 0 });

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
// RFC 7638 §3: these members in this order.
const kid = hash("sha256", JSON.stringify({ crv, kty, x, y }), "base64url");
const headerPart = `${base64url(Buffer.from(JSON.stringify({ alg: "ES256", kid, typ: "at+jwt" })))}.`;
const macKey = createSecretKey(randomBytes(32));
let issuer = "";

/** `mmf_` and base64url of 63 bytes: version 1, subject key 16, handle 24, generation 4, MAC 18. */
function spell(subjectKey: Buffer, handle: Buffer, generation: number): string {
  const bytes = Buffer.allocUnsafe(63);
  bytes.writeUInt8(1, 0);
  subjectKey.copy(bytes, 1);
  handle.copy(bytes, 17);
  bytes.writeUInt32BE(generation, 41);
  macOf(bytes.subarray(0, 45)).copy(bytes, 45);
  return `mmf_${base64url(bytes)}`;
}

function macOf(signed: Buffer): Buffer {
  return createHmac("sha256", macKey).update(signed).digest().subarray(0, 18);
}

interface Presented {
  readonly subjectKey: Buffer;
  readonly handle: Buffer;
  readonly generation: number;
}

function parse(token: string): Presented | undefined {
  if (token.length !== 88 || !token.startsWith("mmf_")) return undefined;
  const bytes = Buffer.from(token.slice(4), "base64url");
  if (bytes.length !== 63 || bytes[0] !== 1 || !timingSafeEqual(macOf(bytes.subarray(0, 45)), bytes.subarray(45))) return undefined;
  return { subjectKey: bytes.subarray(1, 17), handle: bytes.subarray(17, 41), generation: bytes.readUInt32BE(41) };
}

function sidOf(handle: Buffer): string {
  return base64url(hash("sha256", handle, "buffer").subarray(0, 16));
}

function base64url(bytes: Buffer): string {
  return bytes.toString("base64url");
}

const pool = Buffer.alloc(4096);
let used = pool.length;

/** 16 random bytes; from a pool, because a call for each is dear. */
function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return base64url(pool.subarray(used - 16, used));
}

/**
 * r‖s (RFC 7518 §3.4) of a DER signature: SEQUENCE of two INTEGERs, each with a zero in front where its first bit is set.
 * By hand because node:crypto's `dsaEncoding: "ieee-p1363"` doubles the cost of a signature (measured: 37 µs against 19).
 */
function rawSignature(der: Buffer): Buffer {
  const raw = Buffer.alloc(64);
  const rEnd = 4 + (der[3] ?? 0);
  const sStart = rEnd + 2;
  const r = der.subarray(Math.max(4, rEnd - 32), rEnd);
  const s = der.subarray(Math.max(sStart, der.length - 32));
  r.copy(raw, 32 - r.length);
  s.copy(raw, 64 - s.length);
  return raw;
}

type Reply = [generation: number, sub: string, authTime: string, scope: string, end: string] | null;

async function refresh(form: URLSearchParams): Promise<object | undefined> {
  if (form.get("grant_type") !== "refresh_token" || form.get("client_id") !== CLIENT_ID) return undefined;
  const presented = parse(form.get("refresh_token") ?? "");
  if (presented === undefined) return undefined;
  const now = Date.now();
  const sid = sidOf(presented.handle);
  const reply = (await redis.evalsha(
    sha,
    1,
    `floor:${sid}`,
    CLIENT_ID,
    presented.generation,
    now,
    RETRY_WINDOW_MILLIS,
    IDLE_MILLIS,
  )) as Reply;
  if (reply === null) return undefined;
  const [generation, sub, authTime, scope, end] = reply;
  const iat = Math.floor(now / 1000);
  const exp = iat + LIFETIME_SECONDS;
  const claims = {
    iss: issuer,
    sub,
    aud: RESOURCE,
    client_id: CLIENT_ID,
    iat,
    exp,
    jti: randomId(),
    scope,
    sid,
    auth_time: Number(authTime),
  };
  const signingInput = headerPart + base64url(Buffer.from(JSON.stringify(claims)));
  return {
    access_token: `${signingInput}.${base64url(rawSignature(sign("sha256", Buffer.from(signingInput), privateKey)))}`,
    token_type: "Bearer",
    expires_in: LIFETIME_SECONDS,
    scope,
    refresh_token: spell(presented.subjectKey, presented.handle, generation),
    refresh_token_expires_in: Math.floor((Number(end) - now) / 1000),
    sid,
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => {
      body += piece;
      if (body.length > BODY_BYTES_MAX) reject(new Error("the body is too long"));
    });
    request.on("end", () => resolve(body));
    request.on("error", reject);
  });
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST" || request.url !== "/token") return answer(response, 404, { error: "not_found" });
  if (request.headers["content-type"]?.startsWith(FORM) !== true) return answer(response, 415, { error: "invalid_request" });
  const granted = await refresh(new URLSearchParams(await bodyOf(request)));
  if (granted === undefined) return answer(response, 400, { error: "invalid_grant" });
  answer(response, 200, granted);
}

async function makeSession(): Promise<string> {
  const [subjectKey, handle, now] = [randomBytes(16), randomBytes(24), Date.now()];
  const session = {
    client: CLIENT_ID,
    generation: 1,
    at: now,
    end: now + ABSOLUTE_MILLIS,
    sub: randomId(),
    auth: Math.floor(now / 1000),
    scope: "read write",
  };
  await redis.hset(`floor:${sidOf(handle)}`, session);
  await redis.pexpireat(`floor:${sidOf(handle)}`, now + IDLE_MILLIS);
  return spell(subjectKey, handle, 1);
}

await redis.script("LOAD", script);
// Each token is one line and then forgotten: what a server has no need of must not lie in its memory.
const BATCH = 1000;
for (let rest = Number(process.env["FLOOR_SESSIONS"] ?? "1"); rest > 0; rest -= BATCH) {
  const tokens = await Promise.all(Array.from({ length: Math.min(BATCH, rest) }, makeSession));
  console.log(tokens.join("\n"));
}
const server = createServer((request, response) => {
  handle(request, response).catch(() => answer(response, 503, { error: "temporarily_unavailable" }));
});
// As the issuer: a connection that rests while the other server is driven must not be closed under the next request.
server.keepAliveTimeout = 75_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  issuer = `http://127.0.0.1:${port}`;
  console.log(JSON.stringify({ port }));
});
