/** Documents for everyone: kept by caches, readable from any origin. */

import type { FastifyReply } from "fastify";
import { Type } from "typebox";

/** What `publish` sets besides Cache-Control. */
export const PublicHeaders = Type.Object({ "Access-Control-Allow-Origin": Type.Literal("*") });

/** Sets the headers of a document that anyone may read and keep for `maxAgeSeconds`. */
export function publish(reply: FastifyReply, maxAgeSeconds: number): FastifyReply {
  return reply
    .removeHeader("pragma")
    .header("cache-control", `public, max-age=${maxAgeSeconds}`)
    .header("access-control-allow-origin", "*");
}

/** If-None-Match against a strong ETag: `*`, or a list compared weakly (RFC 9110 §13.1.2, §8.8.3.2). */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (isAnyEtag(ifNoneMatch)) return true;
  return [...ifNoneMatch.matchAll(/"[\x21\x23-\x7e\x80-\xff]*"/g)].some(([tag]) => tag === etag);
}

/** Whether If-None-Match names no ETag but "any": whoever sends that need not have the document. */
export function isAnyEtag(ifNoneMatch: string | undefined): boolean {
  return ifNoneMatch?.trim() === "*";
}
