/** Addresses by the networks they are in. */

import { BlockList, isIP } from "node:net";

/**
 * True for what is within `networks` (addresses, or networks in CIDR notation). A network of IPv4 has the IPv4-mapped form of
 * its addresses too: node:net's BlockList sees to that. False for what is no address.
 */
export function networkMatcher(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

export function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}
