/** Closing that cuts no answer and waits for nobody who has nothing to say. */

import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** For bytes that were on their way when `close` began: a client that is at work shows it within this time. */
const SILENCE_MILLIS = 500;

/**
 * After `close` began each answer closes its connection: what was begun is finished, and nothing lingers. Connections that are still
 * there after `drainMillis` are cut.
 */
export function addGracefulClose(app: FastifyInstance, drainMillis: number): void {
  const sockets = new Set<Socket>();
  let closing = false;
  app.server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (closing) reply.header("connection", "close");
    done(null, payload);
  });
  const closeIdleConnections = app.server.closeIdleConnections.bind(app.server);
  app.addHook("preClose", (done) => {
    closing = true;
    // Node.js and Fastify would close at once what is between two requests, and cut the one that is just arriving.
    app.server.closeIdleConnections = () => undefined;
    const closeSilent = (): void => {
      closeIdleConnections();
      // Those are not the connections that were opened ahead of their first request.
      sockets.forEach(destroyIfSilent);
    };
    // A process that had no time to read has not seen what came meanwhile: it looks once more before it calls that silence.
    const silence = setTimeout(() => setImmediate(() => setImmediate(closeSilent)), SILENCE_MILLIS);
    // Nor does it look at its timeouts any more, so a request that never ends needs an end here.
    const drain = setTimeout(() => app.server.closeAllConnections(), drainMillis);
    app.server.once("close", () => {
      clearTimeout(silence);
      clearTimeout(drain);
    });
    done();
  });
}

function destroyIfSilent(socket: Socket): void {
  if (socket.bytesRead === 0) socket.destroy();
}
