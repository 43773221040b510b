/** Which addresses a name from elsewhere may stand for. */

import { BlockList, isIP } from "node:net";
import { familyOf, networkMatcher } from "./networks.ts";

/** Of the IANA IPv4 Special-Purpose Address Registry (RFC 6890) all that is not globally reachable, and multicast. */
const SPECIAL_IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ["0.0.0.0", 8], // this network; 0.0.0.0 leads to loopback on most systems
  ["10.0.0.0", 8], // private (RFC 1918)
  ["100.64.0.0", 10], // shared behind a carrier's NAT; metadata of some clouds
  ["127.0.0.0", 8], // loopback
  ["168.63.129.16", 32], // metadata and agent of Azure, for all that it looks like a public address
  ["169.254.0.0", 16], // link-local; metadata of most clouds
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // IETF protocol assignments
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // relays of 6to4
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarking
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
];

/** Likewise, but only what is within 2000::/3: nothing outside it is allocated as global unicast (RFC 4291 §2.4). */
const SPECIAL_IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ["2001::", 23], // IETF protocol assignments, Teredo among them
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4, which holds an IPv4 address
  ["3fff::", 20], // documentation
];

/** RFC 6052 §2.1: NAT64 of public IPv4 addresses, how a machine without IPv4 reaches them. */
const NAT64 = "64:ff9b::";

/**
 * True for public addresses and for those within `allowed` (addresses, or networks in CIDR notation). A rule about an IPv4
 * address holds for its IPv4-mapped form too (node:net's BlockList sees to that) and, where it forbids, for its NAT64 form.
 */
export function addressFilter(allowed: readonly string[]): (address: string) => boolean {
  const isAllowed = networkMatcher(allowed);
  const [publicOnes, special] = [new BlockList(), new BlockList()];
  publicOnes.addSubnet("0.0.0.0", 0, "ipv4");
  publicOnes.addSubnet("2000::", 3, "ipv6");
  publicOnes.addSubnet(NAT64, 96, "ipv6");
  for (const [network, prefix] of SPECIAL_IPV4) {
    special.addSubnet(network, prefix, "ipv4");
    special.addSubnet(`${NAT64}${network}`, 96 + prefix, "ipv6");
  }
  for (const [network, prefix] of SPECIAL_IPV6) special.addSubnet(network, prefix, "ipv6");

  return (address) => {
    if (isIP(address) === 0) return false;
    const family = familyOf(address);
    return isAllowed(address) || (publicOnes.check(address, family) && !special.check(address, family));
  };
}
