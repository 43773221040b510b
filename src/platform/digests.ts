/** SHA-256 and HMAC-SHA-256 of node:crypto. */

import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { Digests } from "../domain/ports.ts";

export const systemDigests: Digests = {
  sha256: (data) => hash("sha256", data, "buffer"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
