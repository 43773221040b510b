import t from "tap";
import { addressFilter } from "../../src/platform/special-addresses.ts";

const PUBLIC = [
  "1.1.1.1",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "172.15.255.255",
  "172.32.0.0",
  "192.0.1.0",
  "223.255.255.255",
];

/** First and last of each network, from the IANA special-purpose registries and RFC 5771. */
const SPECIAL = [
  ["0.0.0.0", "0.255.255.255"],
  ["10.0.0.0", "10.255.255.255"],
  ["100.64.0.0", "100.127.255.255"],
  ["127.0.0.1", "127.255.255.255"],
  ["169.254.0.0", "169.254.169.254", "169.254.255.255"],
  ["172.16.0.0", "172.31.255.255"],
  ["192.0.0.0", "192.0.0.192", "192.0.0.255"],
  ["192.0.2.0", "192.0.2.255"],
  ["192.88.99.1"],
  ["192.168.0.0", "192.168.255.255"],
  ["198.18.0.0", "198.19.255.255"],
  ["198.51.100.0", "198.51.100.255"],
  ["203.0.113.0", "203.0.113.255"],
  ["224.0.0.1", "239.255.255.255"],
  ["240.0.0.0", "255.255.255.255"],
  ["168.63.129.16"],
].flat();

const hex = (ipv4: string) =>
  Buffer.from(ipv4.split(".").map(Number))
    .toString("hex")
    .replace(/^(.{4})(.{4})$/, "$1:$2");

t.test("public IPv4 addresses are permitted, special ones not, however they are written", async (t) => {
  const isPermitted = addressFilter([]);
  for (const [addresses, expected] of [
    [PUBLIC, true],
    [SPECIAL, false],
  ] as const) {
    for (const address of addresses) {
      for (const form of [address, `::ffff:${address}`, `::ffff:${hex(address)}`, `64:ff9b::${address}`, `64:ff9b::${hex(address)}`]) {
        t.equal(isPermitted(form), expected, form);
      }
    }
  }
});

t.test("of IPv6 only global unicast is permitted", async (t) => {
  const isPermitted = addressFilter([]);
  for (const address of ["2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "2620:fe::fe"])
    t.equal(isPermitted(address), true, address);
  const special = [
    ["::", "::1", "::2", "::10.0.0.1", "::1.1.1.1"],
    ["fe80::1", "fe80::1%lo", "febf::1", "fec0::1"],
    ["fc00::1", "fd00:ec2::254", "fdff:ffff::1"],
    ["ff02::1", "ff0e::1"],
    ["100::1", "64:ff9b:1::1.1.1.1", "64:ff9a:ffff::1"],
    ["2001::1", "2001:2::1", "2001:20::1", "2001:db8::1", "2002:a00:1::1", "2002:101:101::1", "3fff::1", "3fff:fff::1"],
    ["4000::1", "5f00::1", "8000::1"],
  ].flat();
  for (const address of special) t.equal(isPermitted(address), false, address);
});

t.test("allowed networks are permitted, and nothing beside them", async (t) => {
  const isPermitted = addressFilter(["10.1.0.0/16", "192.168.7.7", "fd12:3456::/32", "fe80::7", "172.16.5.9/12"]);
  const allowed = ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "192.168.7.7", "fd12:3456::1", "fe80::7", "172.31.0.1", "1.1.1.1"];
  for (const address of allowed) t.equal(isPermitted(address), true, address);
  const others = ["10.0.255.255", "10.2.0.0", "64:ff9b::10.1.2.3", "192.168.7.8", "fd12:3457::1", "fe80::8", "127.0.0.1"];
  for (const address of others) t.equal(isPermitted(address), false, address);
  t.equal(addressFilter(["0.0.0.0/0"])("127.0.0.1"), true);
  t.equal(addressFilter(["::/0"])("::1"), true);
});

t.test("what is no address is not permitted", async (t) => {
  const isPermitted = addressFilter(["0.0.0.0/0", "::/0"]);
  for (const text of ["", "localhost", "1.1.1", "01.1.1.1", "1.1.1.1/8", "0x7f000001", "[::1]"]) t.equal(isPermitted(text), false, text);
});
