import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import t, { type Test } from "tap";
import type { AppOptions } from "../../src/http/app.ts";
import type { Issuer } from "../../src/issuer/types.ts";
import { GRANT } from "../support/fake-issuer.ts";
import { edge, listen, raw, REFRESH, requestText } from "./support.ts";

const TYPE = "Content-Type: application/x-www-form-urlencoded";

async function listening(t: Test, answers: Partial<Issuer> = {}, options: Partial<AppOptions> = {}) {
  const { app, issuer } = edge(answers, options);
  const port = await listen(app);
  t.teardown(() => app.close());
  return { app, issuer, port };
}

t.test("a header that may be sent once is refused when it comes twice", async (t) => {
  const { issuer, port } = await listening(t);
  const basic = "Authorization: Basic YTpi";
  const key = "Idempotency-Key: 0123456789abcdef";
  for (const headers of [
    [TYPE, "content-type: application/json"],
    [TYPE, TYPE],
    [TYPE, basic, basic],
    [TYPE, basic, "AUTHORIZATION: Bearer x"],
    [TYPE, key, key],
  ]) {
    const answer = await raw(port, requestText("POST", "/token", headers, REFRESH));
    t.match(answer, /^HTTP\/1\.1 400 /, headers.join());
    t.match(answer, '"error":"invalid_request"');
    t.match(answer, /cache-control: no-store/i);
  }
  const bearer = await raw(port, requestText("GET", "/sessions", ["Authorization: Bearer a", "Authorization: Bearer b"]));
  t.match(bearer, /^HTTP\/1\.1 400 /);
  t.same(issuer.calls, []);
  t.match(await raw(port, requestText("POST", "/token", [TYPE, key], REFRESH)), /^HTTP\/1\.1 200 /);
});

t.test("what Node.js refuses before there is a request is answered in our words", async (t) => {
  const { port } = await listening(t);
  const rows: [what: string, bytes: string, status: number][] = [
    ["no HTTP", "garbage\r\n\r\n", 400],
    ["Content-Length with Transfer-Encoding", requestText("POST", "/token", [TYPE, "Transfer-Encoding: chunked"], REFRESH), 400],
    ["two Content-Lengths", requestText("POST", "/token", [TYPE, "Content-Length: 3"], REFRESH), 400],
    ["headers that are too large", requestText("GET", "/livez", [`X: ${"a".repeat(20_000)}`]), 431],
    ["a method for proxies", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["a method for proxies, with a body", requestText("CONNECT", "/token", [TYPE], REFRESH), 405],
    ["no Host header", "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  ];
  for (const [what, bytes, status] of rows) {
    const answer = await raw(port, bytes);
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what);
    t.match(answer, '{"error":"invalid_request","error_description":"', what);
    t.match(answer, /cache-control: no-store/i, what);
    t.match(answer, /x-request-id: [\w-]{22}\r\n/i, what);
  }
  t.match(await raw(port, requestText("GET", "/livez", ["Expect: miracles"])), /^HTTP\/1\.1 200 /);
  t.match(await raw(port, requestText("PROPFIND", "/token", [])), /^HTTP\/1\.1 405 /);
  t.match(await raw(port, "GET /livez HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /);
});

t.test("nonsense after a whole request takes no answer away from it", async (t) => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const refresh = async () => {
    begun.resolve();
    await release.promise;
    return GRANT;
  };
  const { port } = await listening(t, { refresh });
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const whole = requestText("POST", "/token", [TYPE], REFRESH);
  socket.write(`${whole}nonsense\r\n\r\n`);
  await begun.promise;
  socket.write("more nonsense\r\n\r\n");
  release.resolve();
  await once(socket, "close");
  const text = Buffer.concat(chunks).toString("latin1");
  t.match(text, /^HTTP\/1\.1 200 /);
  t.equal(text.split("HTTP/1.1 ").length, 2, "one answer");
  t.match(
    await raw(port, `POST /token HTTP/1.1\r\nHost: x\r\n${TYPE}\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n`),
    /^HTTP\/1\.1 400 /,
    "nonsense in its own body is the request's own",
  );
});

t.test("a body that does not come in time is 408 and its socket is closed; others are not affected", async (t) => {
  const { issuer, port } = await listening(t, {}, { requestTimeoutMillis: 1_000 });
  const slow = raw(port, `POST /token HTTP/1.1\r\nHost: x\r\n${TYPE}\r\nContent-Length: 70\r\n\r\ngrant_type=`);
  t.match(await raw(port, requestText("POST", "/token", [TYPE], REFRESH)), /^HTTP\/1\.1 200 /);
  const answer = await slow;
  t.match(answer, /^HTTP\/1\.1 408 /);
  t.match(answer, '"error":"invalid_request"');
  t.match(await raw(port, "GET /livez HTTP/1.1\r\nHost:"), /^HTTP\/1\.1 408 /, "headers that don't end");
  t.equal(issuer.calls.length, 1);
});

t.test("the sender of 2 MiB gets to read its 413, with a length and in chunks", async (t) => {
  const { issuer, port } = await listening(t);
  for (const headers of [{ "content-length": 2 << 20 }, { "transfer-encoding": "chunked" }]) {
    const request = httpRequest({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: "/token",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    });
    const answered = once(request, "response");
    request.end(Buffer.alloc(2 << 20, "a"));
    const [response] = (await answered) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    t.equal(response.statusCode, 413);
    t.equal(response.headers.connection, "close");
    t.match(Buffer.concat(chunks).toString(), '"error":"invalid_request"');
  }
  t.same(issuer.calls, []);
});

t.test("who sends all of a body that is too large before reading anything still finds the answer", async (t) => {
  const { port } = await listening(t);
  const socket = connect(port, "127.0.0.1");
  const size = 4_000_000;
  socket.pause();
  socket.write(`POST /token HTTP/1.1\r\nHost: x\r\n${TYPE}\r\nContent-Length: ${size}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.write(Buffer.alloc(size, "a"), (error) => (error ? reject(error) : resolve()));
  });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  t.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 413 /);
});

/** So that a connection which `close` forgets makes the test hang. */
const NO_DRAIN = { drainMillis: 1_000_000 };

/** A socket whose next answer can be waited for. */
async function open(port: number): Promise<{ socket: Socket; next(): Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return { socket, next: async () => String((await once(socket, "data"))[0]) };
}

t.test("close finishes what was begun, with Connection: close, and takes nothing new", async (t) => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { app, port } = await listening(
    t,
    {
      refresh: async () => {
        begun.resolve();
        await release.promise;
        return GRANT;
      },
    },
    NO_DRAIN,
  );
  const busy = await open(port);
  const idle = await open(port);
  const fresh = await open(port);
  idle.socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  t.match(await idle.next(), /connection: keep-alive/i);
  const answer = busy.next();
  const closed = Promise.all([busy, idle, fresh].map(({ socket }) => once(socket, "close")));
  busy.socket.write(requestText("POST", "/token", [TYPE], REFRESH).replace("Connection: close\r\n", ""));
  await begun.promise;
  let done = false;
  const closing = (async () => {
    await app.close();
    done = true;
  })();
  await once(idle.socket, "close");
  t.equal(done, false, "close waits for the answer");
  const refused = connect(port, "127.0.0.1");
  await t.rejects(once(refused, "connect"), { code: "ECONNREFUSED" });
  release.resolve();
  const text = await answer;
  t.match(text, /^HTTP\/1\.1 200 /);
  t.match(text, /connection: close/i);
  await closing;
  await closed;
});

t.test("a request that comes over a kept connection during the drain is served, with Connection: close", async (t) => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { app, port } = await listening(
    t,
    {
      refresh: async () => {
        begun.resolve();
        await release.promise;
        return GRANT;
      },
    },
    NO_DRAIN,
  );
  const half = await open(port);
  half.socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n");
  const busy = raw(port, requestText("POST", "/token", [TYPE], REFRESH));
  await begun.promise;
  const closing = app.close();
  const answer = half.next();
  half.socket.write("\r\n");
  const text = await answer;
  t.match(text, /^HTTP\/1\.1 200 /);
  t.match(text, /connection: close/i);
  release.resolve();
  t.match(await busy, /^HTTP\/1\.1 200 /);
  await closing;
});

t.test("a request that never ends does not hold up close for longer than the drain", async (t) => {
  const { app, port } = await listening(t, {}, { drainMillis: 200 });
  const half = await open(port);
  const closed = once(half.socket, "close");
  half.socket.write(`POST /token HTTP/1.1\r\nHost: x\r\n${TYPE}\r\nContent-Length: 70\r\n\r\ngrant`);
  // The server has seen the half request once it has answered a later one.
  await raw(port, requestText("GET", "/livez", []));
  await app.close();
  await closed;
});
