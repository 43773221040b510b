/** The client's address as throttling counts it. */

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

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
