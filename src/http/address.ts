/** Who a request comes from, and how throttling counts it. */

import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/;

type IsTrusted = (address: string) => boolean;

/** The text for a request's client, as throttling counts it. X-Forwarded-For is believed as far as trusted proxies wrote it. */
export function addressReader(isTrusted: IsTrusted): (request: Pick<FastifyRequest, "headers" | "raw">) => string {
  return ({ headers, raw }) => {
    const forwarded = headers["x-forwarded-for"];
    const remote = raw.socket.remoteAddress;
    if (forwarded === undefined || remote === undefined) return throttledAddress(remote);
    return throttledAddress(clientBehind(isTrusted, remote, [forwarded].flat().join(",").split(",")));
  };
}

/**
 * From the nearest hop outwards, each written by the one before: the first that is no trusted proxy is the client. What
 * is no address was not seen by a proxy, so whoever wrote it is as far as one can see.
 */
function clientBehind(isTrusted: IsTrusted, remote: string, forwarded: readonly string[]): string {
  let nearest = remote;
  for (let index = forwarded.length - 1; index >= 0 && isTrusted(withoutZone(nearest)); index -= 1) {
    const address = addressIn((forwarded[index] ?? "").trim());
    if (address === undefined) return nearest;
    nearest = address;
  }
  return nearest;
}

function addressIn(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const [, v6, v4] = WITH_PORT.exec(text) ?? [];
  const address = v6 ?? v4;
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}

/** `fe80::1%eth0`: the zone is this machine's own name for the link (RFC 4007 §11). */
function withoutZone(address: string): string {
  return address.split("%")[0] ?? "";
}

/**
 * One text per party: an IPv4 address as it is, also where the socket shows it inside IPv6, and of an IPv6 address the /64, which is
 * what one subscriber has (RFC 6177). Takes `socket.remoteAddress`, which is undefined once the socket is gone.
 */
export function throttledAddress(remote: string | undefined): string {
  if (remote === undefined) return "unknown";
  if (isIP(remote) !== 6) return remote;
  const groups = groupsOf(withoutZone(remote));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return dotted(groups[6] ?? 0, groups[7] ?? 0);
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(":")}::/64`;
}

/** The eight groups of an IPv6 address, however it is spelled. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [before, after] = [head, tail ?? ""].map((part) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))));
  const zeros = tail === undefined ? 0 : 8 - (before?.length ?? 0) - (after?.length ?? 0);
  return [...(before ?? []), ...Array<number>(zeros).fill(0), ...(after ?? [])];
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}
