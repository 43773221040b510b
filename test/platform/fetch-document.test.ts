import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import t from "tap";
import type { Test } from "tap";
import { findProgram, skipWithout } from "../../scripts/system-program.ts";
import { OPENSSL } from "../../scripts/test-programs.ts";
import { FetchError } from "../../src/domain/ports.ts";
import { createFetchDocument } from "../../src/platform/fetch-document.ts";
import type { FetchDocumentOptions } from "../../src/platform/fetch-document.ts";

const tls = { skip: skipWithout(OPENSSL) };

interface Peer {
  readonly port: number;
  readonly url: string;
  /** What was sent here, one text for each connection. */
  readonly received: string[];
}

/** A server on loopback that answers as told once a whole head has come. `tls`: what it shows. */
async function serve(
  t: Test,
  answer: string | ((socket: Socket) => void),
  tls?: { readonly key: string; readonly cert: string },
): Promise<Peer> {
  const received: string[] = [];
  const open = new Set<Socket>();
  const take = (socket: Socket) => {
    open.add(socket);
    const index = received.push("") - 1;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received[index] += chunk.toString("latin1");
      if (!received[index]?.endsWith("\r\n\r\n")) return;
      if (typeof answer === "string") socket.end(answer);
      else answer(socket);
    });
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}/jwks.json`, received };
}

const ok = (body: string, ...fields: string[]) =>
  ["HTTP/1.1 200 OK", `Content-Length: ${Buffer.byteLength(body)}`, ...fields, "", body].join("\r\n");

/** What the limit of time is not the matter of; on a machine that is busy. */
const PATIENCE_MILLIS = 60_000;

const fetchFrom = (url: string, options: Partial<FetchDocumentOptions> = {}) =>
  createFetchDocument({ allowedNetworks: [], timeoutMillis: PATIENCE_MILLIS, ...options })(url);

/** What the fetch is refused with: the message without the origin. */
async function faultOf(url: string, options: Partial<FetchDocumentOptions> = {}): Promise<string> {
  try {
    await fetchFrom(url, options);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return error.message.replace(`${new URL(url).origin}: `, "");
  }
  return "";
}

/** A certificate for keys.example that nobody signed but itself. */
function selfSigned(t: Test): { key: string; cert: string } {
  const directory = t.testdir();
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=keys.example", "-addext", "subjectAltName=DNS:keys.example"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  spawnSync(findProgram(OPENSSL) ?? "", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert]);
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

t.test("the body and its age are what came", async (t) => {
  const { url } = await serve(t, ok('{"keys":[]}', "Cache-Control: public, max-age=600", "Age: 100"));
  const { body, maxAgeSeconds } = await fetchFrom(url);
  t.equal(Buffer.from(body).toString(), '{"keys":[]}');
  t.equal(maxAgeSeconds, 500);
  const plain = await serve(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  t.same(await fetchFrom(plain.url), { body: Buffer.from("abcde"), maxAgeSeconds: undefined });
});

t.test("a request says what is wanted and nothing of us but the name", async (t) => {
  const { port, received } = await serve(t, ok("{}"));
  await fetchFrom(`http://127.0.0.1:${port}/a/jwks?b=c#fragment`);
  t.equal(received.length, 1);
  t.same((received[0] ?? "").trimEnd().toLowerCase().split("\r\n").toSorted(), [
    "accept-encoding: identity",
    "accept: application/jwk-set+json, application/json",
    "connection: close",
    "get /a/jwks?b=c http/1.1",
    `host: 127.0.0.1:${port}`,
    "user-agent: mintmark",
  ]);
});

t.test("each fetch has a connection of its own, closed by us where the server keeps it", async (t) => {
  const closed: Promise<unknown>[] = [];
  const { url, received } = await serve(t, (socket) => {
    closed.push(once(socket, "close"));
    socket.write(ok("{}", "Connection: keep-alive", "Keep-Alive: timeout=60"));
  });
  await fetchFrom(url);
  await fetchFrom(url);
  t.equal(received.length, 2);
  await Promise.all(closed);
});

t.test("a refused answer is not waited for", async (t) => {
  const closed: Promise<unknown>[] = [];
  const { url } = await serve(t, (socket) => {
    closed.push(once(socket, "close"));
    socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n");
  });
  t.equal(await faultOf(url), "the answer has status 404.");
  await Promise.all(closed);
});

t.test("only https: is fetched, and http: of this machine", async (t) => {
  const refused = [
    "http://192.0.2.1/",
    "http://keys.example/",
    "http://localhost.example/",
    "http://127.example/",
    "http://[::2]/",
    "file:///etc/passwd",
  ];
  for (const url of [
    ...refused,
    "ftp://localhost/",
    "data:,{}",
    "https://user@keys.example/",
    "https://:pass@keys.example/",
    "",
    "/jwks",
    "https://",
  ]) {
    await t.rejects(fetchFrom(url, { lookup: () => Promise.reject(new Error("asked")) }), {
      name: "FetchError",
      message: "Only https: URLs without user info are fetched, and http: ones of this machine.",
    });
  }
});

t.test("localhost is loopback whatever a resolver says", async (t) => {
  const { port, received } = await serve(t, ok("{}"));
  for (const host of ["localhost", "keys.localhost", "LOCALHOST", "127.0.0.1", "0x7f.1"]) {
    await fetchFrom(`http://${host}:${port}/`, { lookup: () => Promise.resolve([{ address: "192.0.2.1", family: 4 }]) });
  }
  t.equal(received.length, 5);
});

t.test("anything but status 200 is refused, and no redirect is followed", async (t) => {
  const target = await serve(t, ok("{}"));
  for (const status of [301, 302, 303, 304, 307, 308, 399]) {
    const { url } = await serve(t, `HTTP/1.1 ${status} X\r\nLocation: ${target.url}\r\nContent-Length: 0\r\n\r\n`);
    t.equal(await faultOf(url), `the answer is a redirect (status ${status}), and none is followed.`);
  }
  t.same(target.received, []);
  for (const status of [201, 206, 400, 401, 404, 500, 503, 999]) {
    const { url } = await serve(t, `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\n{}`);
    t.equal(await faultOf(url), `the answer has status ${status}.`);
  }
});

t.test("an encoded body is refused", async (t) => {
  for (const encoding of ["gzip", "br", "identity, gzip", "x"]) {
    const { url } = await serve(t, ok("{}", `Content-Encoding: ${encoding}`));
    t.equal(await faultOf(url), "the answer is encoded, which was not asked for.");
  }
  const { url } = await serve(t, ok("{}", "Content-Encoding: Identity"));
  t.equal(await faultOf(url), "");
});

t.test("a body may have so many bytes, counted as they come", async (t) => {
  const limitBytes = 1_000;
  const whole = "x".repeat(limitBytes);
  t.equal(await faultOf((await serve(t, ok(whole))).url, { limitBytes }), "");
  const tooMuch = "the answer has more than 1000 bytes.";
  t.equal(await faultOf((await serve(t, ok(`${whole}x`))).url, { limitBytes }), tooMuch);
  const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"64\r\n".concat("x".repeat(100), "\r\n").repeat(11)}0\r\n\r\n`;
  t.equal(await faultOf((await serve(t, chunked)).url, { limitBytes }), tooMuch);
  t.equal(await faultOf((await serve(t, `HTTP/1.0 200 OK\r\n\r\n${whole}x`)).url, { limitBytes }), tooMuch);
  t.equal(await faultOf((await serve(t, ok("x".repeat(65_536)))).url), "", "64 KiB is the usual limit");
  t.equal(await faultOf((await serve(t, ok("x".repeat(65_537)))).url), "the answer has more than 65536 bytes.");
});

t.test("a body without end is not read on", async (t) => {
  const { url } = await serve(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const write = () => {
      while (socket.writable && socket.write("x".repeat(4_096)));
    };
    socket.on("drain", write);
    write();
  });
  t.equal(await faultOf(url), "the answer has more than 65536 bytes.");
});

t.test("a body that was cut is refused", async (t) => {
  const cut = "no whole answer (ECONNRESET).";
  t.equal(await faultOf((await serve(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")).url), cut);
  t.equal(await faultOf((await serve(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")).url), cut);
  for (const field of ["Content-Length: 100\r\n", ""]) {
    const { url } = await serve(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n{}`, () => setTimeout(() => socket.resetAndDestroy(), 50));
    });
    t.equal(await faultOf(url), cut, field);
  }
});

t.test("what is no HTTP answer is refused", async (t) => {
  t.equal(await faultOf((await serve(t, "")).url), "no whole answer (ECONNRESET).");
  t.match(await faultOf((await serve(t, "220 smtp.example ESMTP\r\n")).url), /^no whole answer \(HPE_[A-Z_]+\)\.$/);
  t.match(await faultOf((await serve(t, ok("", `X: ${"x".repeat(20_000)}`))).url), /^no whole answer \(HPE_HEADER_OVERFLOW\)\.$/);
  const upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
  t.equal(await faultOf((await serve(t, upgrade)).url, { timeoutMillis: 100 }), "no whole answer within 100 ms.");
});

t.test("one limit of time bounds name, TLS, head and body", async (t) => {
  const late = { timeoutMillis: 100 };
  const fault = "no whole answer within 100 ms.";
  const drip = (socket: Socket, head: string, drop: string) => {
    socket.write(head);
    const timer = setInterval(() => socket.write(drop), 10);
    socket.on("close", () => clearInterval(timer));
  };
  t.equal(await faultOf((await serve(t, () => undefined)).url, late), fault, "no head");
  t.equal(await faultOf((await serve(t, (socket) => drip(socket, "HTTP/1.1 200 OK\r\n", "A: b\r\n"))).url, late), fault, "a slow head");
  t.equal(await faultOf((await serve(t, (socket) => drip(socket, "HTTP/1.1 200 OK\r\n\r\n", "x"))).url, late), fault, "a slow body");
  t.equal(
    await faultOf((await serve(t, (socket) => drip(socket, "", "HTTP/1.1 103 Early Hints\r\n\r\n"))).url, late),
    fault,
    "hints for ever",
  );
  const silent = await serve(t, () => undefined);
  t.equal(await faultOf(`https://127.0.0.1:${silent.port}/`, late), fault, "no TLS");
  t.equal(await faultOf("https://keys.example/", { ...late, lookup: () => new Promise(() => undefined) }), fault, "no name");
});

t.test("a name that stands for a special address is not connected to", async (t) => {
  const { port, received } = await serve(t, ok("{}"));
  for (const address of ["127.0.0.1", "::ffff:127.0.0.1"]) {
    const lookup = async () => [{ address, family: address.includes(":") ? 6 : 4 }];
    const fault = await faultOf(`https://keys.example:${port}/`, { lookup });
    t.equal(fault, "the host name stands for no public or allowed address.");
  }
  t.equal(await faultOf("https://keys.example/", { lookup: async () => [] }), "the host name stands for no public or allowed address.");
  t.same(received, []);
});

t.test("why a connection failed is said without the address", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const lookup = async () => [{ address: "127.0.0.1", family: 4 }];
  await t.rejects(fetchFrom(`https://keys.example:${port}/secret?token=1`, { lookup, allowedNetworks: ["127.0.0.1"] }), {
    name: "FetchError",
    message: `https://keys.example:${port}: no whole answer (ECONNREFUSED).`,
    cause: undefined,
  });
  const unknown = Object.assign(new Error("queryA ENOTFOUND 192.0.2.1"), { code: "ENOTFOUND" });
  t.equal(await faultOf("https://keys.example/", { lookup: () => Promise.reject(unknown) }), "no whole answer (ENOTFOUND).");
});

t.test("a name is asked for once, and only what is permitted of its addresses is connected to", tls, async (t) => {
  const certificate = selfSigned(t);
  const { port, received } = await serve(t, ok("{}"), certificate);
  let asked = 0;
  const lookup = async (host: string) => {
    t.equal(host, "keys.example");
    asked += 1;
    // The first two would be tried before the last, and the first time out.
    return ["192.0.2.1", "10.255.255.1", "127.0.0.1"].map((address) => ({ address, family: 4 }));
  };
  const options = { ca: certificate.cert, lookup, allowedNetworks: ["127.0.0.0/8"] };
  t.same((await fetchFrom(`https://keys.example:${port}/jwks`, options)).body, Buffer.from("{}"));
  t.equal(asked, 1);
  t.match(received[0], `Host: keys.example:${port}\r\n`);
});

t.test("a certificate is checked, whatever the environment says", tls, async (t) => {
  const certificate = selfSigned(t);
  const { port, received } = await serve(t, ok("{}"), certificate);
  const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  t.teardown(() => {
    if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
  });
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  const here = { lookup: async () => [{ address: "127.0.0.1", family: 4 }], allowedNetworks: ["127.0.0.1"] };
  t.equal(await faultOf(`https://keys.example:${port}/`, here), "no whole answer (DEPTH_ZERO_SELF_SIGNED_CERT).");
  const trusted = { ...here, ca: certificate.cert };
  t.equal(await faultOf(`https://other.example:${port}/`, trusted), "no whole answer (ERR_TLS_CERT_ALTNAME_INVALID).");
  t.equal(await faultOf(`https://127.0.0.1:${port}/`, trusted), "no whole answer (ERR_TLS_CERT_ALTNAME_INVALID).");
  t.same(received.join(""), "", "no request was sent");
  t.equal(await faultOf(`https://keys.example:${port}/`, trusted), "");
});
