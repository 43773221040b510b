/** Who a request comes from, and what its failures are counted by. */

import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/;

/** As URLs spell an IPv4 address inside IPv6. */
const MAPPED_IPV4 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

type IsTrusted = (address: string) => boolean;

/**
 * The address of a request's client in its one spelling (RFC 5952, and IPv4 without IPv6 around it); `unknown` once the socket is
 * gone. X-Forwarded-For is believed as far as trusted proxies wrote it.
 */
export function addressReader(isTrusted: IsTrusted): (request: Pick<FastifyRequest, "headers" | "raw">) => string {
  return ({ headers, raw }) => {
    const forwarded = headers["x-forwarded-for"];
    const remote = raw.socket.remoteAddress;
    if (forwarded === undefined || remote === undefined) return spelled(remote ?? "unknown");
    return spelled(clientBehind(isTrusted, remote, [forwarded].flat().join(",").split(",")));
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

/** What URLs make of an address is what RFC 5952 asks for. */
function spelled(address: string): string {
  if (isIP(address) !== 6) return address;
  const canonical = new URL(`http://[${withoutZone(address)}]`).hostname.slice(1, -1);
  const [, high, low] = MAPPED_IPV4.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

/**
 * What failures of a client are counted by: an IPv4 address, and of an IPv6 address the /64, which is what one subscriber has
 * (RFC 6177). Takes addresses as `addressReader` spells them.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [before = [], after = []] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  const network = [...before, ...zeros, ...after].slice(0, 4);
  return `${spelled(`${network.join(":")}::`)}/64`;
}
