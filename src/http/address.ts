/** Who a request comes from, and how throttling counts it. */

import { BlockList, isIP } from "node:net";
import type { FastifyRequest } from "fastify";

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/;

/**
 * The text for a request's client, as throttling counts it. `trustedProxies` are addresses and networks in CIDR notation;
 * X-Forwarded-For is believed as far as they wrote it.
 */
export function addressReader(trustedProxies: readonly string[]): (request: Pick<FastifyRequest, "headers" | "raw">) => string {
  const trusted = new BlockList();
  for (const network of trustedProxies) addNetwork(trusted, network);
  return ({ headers, raw }) => {
    const forwarded = headers["x-forwarded-for"];
    const remote = raw.socket.remoteAddress;
    if (trustedProxies.length === 0 || forwarded === undefined || remote === undefined) return throttledAddress(remote);
    return throttledAddress(clientBehind(trusted, remote, [forwarded].flat().join(",").split(",")));
  };
}

/**
 * From the nearest hop outwards, each written by the one before: the first that is no trusted proxy is the client. What
 * is no address was not seen by a proxy, so whoever wrote it is as far as one can see.
 */
function clientBehind(trusted: BlockList, remote: string, forwarded: readonly string[]): string {
  let nearest = remote;
  for (let index = forwarded.length - 1; index >= 0 && isIn(trusted, nearest); index -= 1) {
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

function addNetwork(list: BlockList, network: string): void {
  const [address = "", bits] = network.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}

/** An IPv4 address that a socket shows inside IPv6 is the IPv4 address. */
function isIn(list: BlockList, address: string): boolean {
  const plain = MAPPED_IPV4.exec(address)?.[1] ?? address.split("%")[0] ?? "";
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
}

/**
 * One text per party: an IPv4 address as it is, also where the socket shows it inside IPv6, and of an IPv6 address the /64, which is
 * what one subscriber has (RFC 6177). Takes `socket.remoteAddress`, which is undefined once the socket is gone.
 */
export function throttledAddress(remote: string | undefined): string {
  if (remote === undefined) return "unknown";
  const mapped = MAPPED_IPV4.exec(remote)?.[1];
  if (mapped !== undefined) return mapped;
  if (!remote.includes(":")) return remote;
  const [head = "", tail] = (remote.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted last part stands for two groups.
  const present = before.length + after.length + (remote.includes(".") ? 1 : 0);
  const groups = tail === undefined ? before : [...before, ...Array<string>(Math.max(0, 8 - present)).fill("0"), ...after];
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/64`;
}
