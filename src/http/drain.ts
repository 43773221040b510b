/** Reads away what nobody wants, within limits. */

import type { IncomingMessage } from "node:http";

/** Twice what a mistaken upload of a page or a picture has; more is not worth the traffic. */
const DRAIN_LIMIT_BYTES = 4 * 1024 * 1024;

/** Resolves when the request's body has ended, failed or gone over the limit. The server's request timeout bounds the time. */
export async function drain(request: IncomingMessage, limitBytes = DRAIN_LIMIT_BYTES): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  const count = (chunk: Buffer): void => {
    seen += chunk.length;
    if (seen > limitBytes) resolve();
  };
  request
    .on("data", count)
    .once("end", resolve)
    .once("close", resolve)
    .once("error", () => resolve());
  request.resume();
  await promise;
  request.off("data", count).off("end", resolve).off("close", resolve);
}
