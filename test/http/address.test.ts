import t from "tap";
import { addressReader, networkOf } from "../../src/http/address.ts";
import { networkMatcher } from "../../src/platform/networks.ts";

t.test("one text per party: IPv4 whole, IPv6 by /64 (RFC 6177), each in one spelling (RFC 5952)", async (t) => {
  const rows: [remote: string | undefined, address: string, network?: string][] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::FFFF:192.0.2.7", "192.0.2.7"],
    ["::ffff:c000:207", "192.0.2.7"],
    ["0:0:0:0:0:ffff:c000:0207", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::", "2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8::1", "2001:db8::/64"],
    ["2001:db8::5:6:7:8:9", "2001:db8:0:5:6:7:8:9", "2001:db8:0:5::/64"],
    ["2001:db8:0:0:1::", "2001:db8:0:0:1::", "2001:db8::/64"],
    ["::1", "::1", "::/64"],
    ["::", "::", "::/64"],
    ["fe80::1%eth0", "fe80::1", "fe80::/64"],
    ["64:ff9b::192.0.2.7", "64:ff9b::c000:207", "64:ff9b::/64"],
    [undefined, "unknown"],
  ];
  for (const [remote, address, network = address] of rows) {
    t.equal(seen([], remote, undefined), address, remote ?? "none");
    t.equal(networkOf(address), network, `the network of ${address}`);
  }
});

function seen(trusted: readonly string[], remoteAddress: string | undefined, forwarded: string | string[] | undefined): string {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded as string };
  return addressReader(networkMatcher(trusted))({ headers, raw: { socket: { remoteAddress } } as never });
}

t.test("X-Forwarded-For counts as far as trusted proxies wrote it", async (t) => {
  const PROXIES = ["10.0.0.0/8", "192.0.2.10", "2001:db8:aaaa::/48"];
  const rows: [what: string, remote: string | undefined, forwarded: string | string[] | undefined, expected: string][] = [
    ["nobody in between", "198.51.100.1", undefined, "198.51.100.1"],
    ["a stranger's header", "198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["one proxy", "10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["a proxy as the socket shows it inside IPv6", "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["a forged beginning", "10.1.2.3", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["two proxies", "10.1.2.3", "203.0.113.9, 192.0.2.10", "203.0.113.9"],
    ["a forged proxy before the client", "10.1.2.3", "1.1.1.1, 10.9.9.9, 203.0.113.9, 192.0.2.10", "203.0.113.9"],
    ["a neighbour of a trusted address", "192.0.2.11", "203.0.113.9", "192.0.2.11"],
    ["several headers", "10.1.2.3", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"],
    ["proxies only", "10.1.2.3", "10.4.5.6", "10.4.5.6"],
    ["nothing in it", "10.1.2.3", "", "10.1.2.3"],
    ["no address in it", "10.1.2.3", "unknown", "10.1.2.3"],
    ["text for the log", "10.1.2.3", "203.0.113.9, <script>\u2028", "10.1.2.3"],
    ["an address with its port", "10.1.2.3", "203.0.113.9:4711", "203.0.113.9"],
    ["an IPv6 address with its port", "10.1.2.3", "[2001:db8:1:2::9]:4711", "2001:db8:1:2::9"],
    ["an IPv6 address", "10.1.2.3", "2001:db8:1:2::9", "2001:db8:1:2::9"],
    ["an IPv6 proxy", "2001:db8:aaaa::1", "203.0.113.9", "203.0.113.9"],
    ["no good IPv4 address", "10.1.2.3", "203.0.113.999", "10.1.2.3"],
    ["a socket that is gone", undefined, "203.0.113.9", "unknown"],
  ];
  for (const [what, remote, forwarded, expected] of rows) t.equal(seen(PROXIES, remote, forwarded), expected, what);
  t.equal(seen([], "10.1.2.3", "203.0.113.9"), "10.1.2.3", "without any, the header is only text");
  t.equal(seen(["0.0.0.0/0"], "10.1.2.3", "1.1.1.1, 203.0.113.9"), "1.1.1.1", "who trusts everyone believes everything");
});
